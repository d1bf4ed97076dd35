//! Writing an image network as an ONNX file, layer by layer.

use bytes::Bytes;
use prost::Message;

use super::random::Random;
use crate::onnx::proto::{
    ATTRIBUTE_INT, ATTRIBUTE_INTS, AttributeProto, Dimension, DimensionProto, GraphProto,
    ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, data_type,
};

/// A network in the making. Each layer takes the name of a tensor and gives the
/// name of the one that it makes.
pub(super) struct Builder {
    graph: GraphProto,
    random: Random,
    seed: u64,
}

/// A convolution's shape.
#[derive(Clone, Copy)]
pub(super) struct Conv {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    /// What He's bound is multiplied by.
    pub(super) scale: f32,
}

impl Builder {
    /// A network that takes `input`, pictures as f32 [N, 3, 224, 224].
    pub(super) fn new(name: &str, seed: u64) -> Self {
        let picture = [3, 224, 224].map(Dimension::Value);
        let dims = std::iter::once(Dimension::Param("N".into()))
            .chain(picture)
            .collect();
        let graph = GraphProto {
            name: name.into(),
            input: vec![value("input", dims)],
            ..GraphProto::default()
        };
        Self {
            graph,
            random: Random::new(seed),
            seed,
        }
    }

    /// A convolution with bias, as it is once batch normalisation is folded in.
    pub(super) fn conv(&mut self, name: &str, input: &str, conv: Conv) -> String {
        let fan_in = conv.from * conv.kernel * conv.kernel;
        let weight = format!("{name}.weight");
        let dims = [conv.to, conv.from, conv.kernel, conv.kernel];
        let values = self
            .random
            .centred(conv.to, fan_in, conv.scale * he_bound(fan_in));
        self.weights(&weight, &dims, values);
        let bias = format!("{name}.bias");
        let values = self.random.uniform(1, conv.to, conv.scale * 0.1);
        self.weights(&bias, &[conv.to], values);
        let pad = if conv.stride > conv.kernel {
            0
        } else {
            (conv.kernel - 1) / 2
        };
        let attributes = vec![
            ints("dilations", &[1, 1]),
            int("group", 1),
            ints("kernel_shape", &[conv.kernel; 2]),
            ints("pads", &[pad; 4]),
            ints("strides", &[conv.stride; 2]),
        ];
        self.node("Conv", name, &[input, &weight, &bias], attributes)
    }

    /// max(x, 0)
    pub(super) fn relu(&mut self, name: &str, input: &str) -> String {
        self.node("Relu", name, &[input], Vec::new())
    }

    /// The sum of two tensors.
    pub(super) fn add(&mut self, name: &str, a: &str, b: &str) -> String {
        self.node("Add", name, &[a, b], Vec::new())
    }

    /// The largest of each 3 x 3 neighbourhood, every second one.
    pub(super) fn max_pool(&mut self, name: &str, input: &str) -> String {
        let attributes = vec![
            ints("kernel_shape", &[3; 2]),
            ints("pads", &[1; 4]),
            ints("strides", &[2; 2]),
        ];
        self.node("MaxPool", name, &[input], attributes)
    }

    /// The mean over each channel, [N, channels], under the name `features`;
    /// then a fully connected layer, [N, classes], as the output `logits`.
    /// Gives the file.
    pub(super) fn classifier(mut self, input: &str, channels: usize, classes: usize) -> Vec<u8> {
        let pooled = self.node("GlobalAveragePool", "avgpool", &[input], Vec::new());
        self.named_node(
            "Flatten",
            "flatten",
            &[&pooled],
            vec![int("axis", 1)],
            "features",
        );
        let values = self.random.uniform(classes, channels, he_bound(channels));
        self.weights("fc.weight", &[classes, channels], values);
        let values = self.random.uniform(1, classes, 0.1);
        self.weights("fc.bias", &[classes], values);
        let inputs = ["features", "fc.weight", "fc.bias"];
        self.named_node("Gemm", "fc", &inputs, vec![int("transB", 1)], "logits");
        let dims = vec![
            Dimension::Param("N".into()),
            Dimension::Value(classes as i64),
        ];
        self.graph.output = vec![value("logits", dims)];

        let words = format!("untrained: weights from seed {}", self.seed);
        let entry = |key: &str, value: String| StringStringEntryProto {
            key: key.into(),
            value,
        };
        self.graph.doc_string.clone_from(&words);
        let model = ModelProto {
            ir_version: 8,
            producer_name: "wudf".into(),
            doc_string: words,
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: 17,
            }],
            metadata_props: vec![
                entry("untrained", "true".into()),
                entry("seed", self.seed.to_string()),
            ],
            graph: Some(self.graph),
            // No version: the same seed gives the same bytes in all of them.
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    fn node(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let output = format!("{name}.output");
        self.named_node(op, name, inputs, attributes, &output);
        output
    }

    fn named_node(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
        output: &str,
    ) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.into()).collect(),
            output: vec![output.into()],
            name: name.into(),
            op_type: op.into(),
            attribute,
        });
    }

    fn weights(&mut self, name: &str, dims: &[usize], values: Vec<u8>) {
        self.graph.initializer.push(TensorProto {
            dims: dims.iter().map(|&size| size as i64).collect(),
            data_type: data_type::FLOAT,
            name: name.into(),
            raw_data: Bytes::from(values),
            ..TensorProto::default()
        });
    }
}

/// The bound of a uniform distribution of variance 2 / `fan_in` (He et al.,
/// 2015), with which layers keep the magnitude of what passes through them.
fn he_bound(fan_in: usize) -> f32 {
    (6.0 / fan_in as f32).sqrt()
}

fn value(name: &str, dims: Vec<Dimension>) -> ValueInfoProto {
    let dim = dims
        .into_iter()
        .map(|dim| DimensionProto { value: Some(dim) })
        .collect();
    let tensor = TensorTypeProto {
        elem_type: data_type::FLOAT,
        shape: Some(TensorShapeProto { dim }),
    };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            tensor_type: Some(tensor),
        }),
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        i: value,
        r#type: ATTRIBUTE_INT,
        ..AttributeProto::default()
    }
}

fn ints(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: values.iter().map(|&value| value as i64).collect(),
        r#type: ATTRIBUTE_INTS,
        ..AttributeProto::default()
    }
}
