//! What is fed with random bytes: files that are to be models.
//!
//! `fuzz/` runs this under libFuzzer, the test below over the seeds that it keeps.

use bytes::Bytes;

use super::{FEATURES, Graph, LOGITS, add_outputs};

/// Tensors that are asked for.
const TENSORS: usize = 8;

/// Reads a file as backends do, and says whether it took it.
///
/// # Panics
/// Where a property does not hold.
pub fn onnx(input: &[u8]) -> bool {
    let file = Bytes::copy_from_slice(input);
    #[cfg(feature = "openvino")]
    if let Ok(whole) = super::embed_weights(input, &[]) {
        assert!(Graph::read(&whole.into()).is_ok());
    }
    let Ok(graph) = Graph::read(&file) else {
        return false;
    };
    let _ = (graph.inputs(), graph.names_a_batch());
    let mut wanted: Vec<String> = graph.tensors().take(TENSORS).map(Into::into).collect();
    for tensor in &wanted {
        let _ = (graph.describe(tensor), graph.takes_bool(tensor));
    }
    for alias in [FEATURES, LOGITS, "nothing of this name"] {
        if let Ok(found) = graph.resolve(&[alias.into()]) {
            wanted.extend(found);
        }
    }
    // Old protobuf has groups, which are skipped in reading and not there to be written.
    let Ok(declared) = add_outputs(input.to_vec(), &graph, &wanted) else {
        return false;
    };
    let again = Graph::read(&declared.into()).expect("the same with more outputs");
    for tensor in &wanted {
        assert!(again.outputs().any(|output| output == tensor), "{tensor}");
    }
    assert!(again.tensors().eq(graph.tensors()));
    assert!(again.external_files().eq(graph.external_files()));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::graphs::Net;

    /// As exporters lay them out.
    #[test]
    fn graphs_of_exporters_are_taken() {
        for (name, file) in [
            ("torchscript", Net::torchscript().file()),
            ("dynamo", Net::dynamo().file()),
            ("external", Net::dynamo().file_with_external("weights").0),
            ("softmax", Net::matmul_add_softmax().file()),
        ] {
            assert!(onnx(&file), "{name}");
            if std::env::var_os("BLESS").is_some() {
                let seeds = wudf_test_support::seeds_of("onnx");
                std::fs::write(seeds.join(name), file).unwrap();
            }
        }
    }

    #[test]
    fn seeds() {
        wudf_test_support::seeds("onnx", onnx);
    }
}
