//! Small graphs, laid out as exporters lay out large ones.

use bytes::Bytes;
use prost::Message;

use crate::onnx::proto::{
    ATTRIBUTE_INT, ATTRIBUTE_INTS, AttributeProto, Dimension, DimensionProto, GraphProto,
    ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, data_type,
};

/// Pictures of 8 x 8 pixels come in as `input`.
pub(crate) const SIZE: u32 = 8;
/// What the last layer takes.
pub(crate) const CHANNELS: u32 = 4;
/// What the last layer gives.
pub(crate) const CLASSES: u32 = 5;

/// A graph in the making.
pub(crate) struct Net(pub(crate) GraphProto);

impl Net {
    /// Takes `input`: f32 [N, 3, 8, 8], and makes `relu` [N, 4, 8, 8].
    pub(crate) fn new(input: &str) -> Self {
        let size = |n: u32| Some(i64::from(n));
        let dims = [None, size(3), size(SIZE), size(SIZE)];
        let mut net = Self(GraphProto {
            name: "main".into(),
            ..GraphProto::default()
        });
        net.0
            .input
            .push(value(input, data_type::FLOAT, Some(&dims)));
        net.weights("conv.weight", &[CHANNELS.into(), 3, 1, 1]);
        net.node("Conv", &[input, "conv.weight"], "conv", &[]);
        if let Some(conv) = net.0.node.last_mut() {
            // ONNX has defaults for these; exporters write them and rten wants them.
            let ones = vec![1, 1];
            let all = [
                ("dilations", ones.clone()),
                ("pads", vec![0; 4]),
                ("strides", ones),
            ];
            conv.attribute
                .extend(all.map(|(name, ints)| AttributeProto {
                    name: name.into(),
                    ints,
                    r#type: ATTRIBUTE_INTS,
                    ..AttributeProto::default()
                }));
        }
        net.node("Relu", &["conv"], "relu", &[]);
        net
    }

    /// As the TorchScript exporter ends an image network: names with slashes, a
    /// number for the output, and no types within.
    pub(crate) fn torchscript() -> Self {
        let mut net = Self::new("input.1");
        net.node(
            "GlobalAveragePool",
            &["relu"],
            "/avgpool/GlobalAveragePool_output_0",
            &[],
        );
        net.node(
            "Flatten",
            &["/avgpool/GlobalAveragePool_output_0"],
            "/Flatten_output_0",
            &[("axis", 1)],
        );
        net.gemm("/Flatten_output_0", "495");
        net.output("495", &[None, Some(CLASSES.into())])
    }

    /// As the exporter of torch 2.9 and later ends one: a mean, a reshape whose
    /// shape is a constant, and types for all tensors.
    pub(crate) fn dynamo() -> Self {
        let mut net = Self::new("x");
        net.integers("val_589", &[2], &[-1, -2]);
        net.node(
            "ReduceMean",
            &["relu", "val_589"],
            "mean",
            &[("keepdims", 1), ("noop_with_empty_axes", 0)],
        );
        net.integers("val_593", &[2], &[-1, CHANNELS.into()]);
        net.node("Reshape", &["mean", "val_593"], "view", &[("allowzero", 1)]);
        net.0.value_info.push(value(
            "view",
            data_type::FLOAT,
            Some(&[None, Some(CHANNELS.into())]),
        ));
        net.gemm("view", "linear");
        net.output("linear", &[None, Some(CLASSES.into())])
    }

    /// As others write it: the last layer in two steps, and probabilities.
    pub(crate) fn matmul_add_softmax() -> Self {
        let mut net = Self::new("input");
        net.node("GlobalAveragePool", &["relu"], "pool", &[]);
        net.node("Flatten", &["pool"], "flat", &[("axis", 1)]);
        net.weights("w", &[CHANNELS.into(), CLASSES.into()]);
        net.weights("b", &[CLASSES.into()]);
        net.node("MatMul", &["flat", "w"], "product", &[]);
        net.node("Add", &["b", "product"], "sum", &[]);
        net.node("Softmax", &["sum"], "probabilities", &[("axis", 1)]);
        net.node("Identity", &["probabilities"], "output", &[]);
        net.output("output", &[None, Some(CLASSES.into())])
    }

    pub(crate) fn gemm(&mut self, input: &str, output: &str) {
        self.weights("fc.weight", &[CLASSES.into(), CHANNELS.into()]);
        self.weights("fc.bias", &[CLASSES.into()]);
        self.node(
            "Gemm",
            &[input, "fc.weight", "fc.bias"],
            output,
            &[("transB", 1)],
        );
    }

    pub(crate) fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, i64)],
    ) {
        let attribute = |&(name, i): &(&str, i64)| AttributeProto {
            name: name.into(),
            i,
            r#type: ATTRIBUTE_INT,
            ..AttributeProto::default()
        };
        self.0.node.push(NodeProto {
            input: inputs.iter().map(|&name| name.into()).collect(),
            output: vec![output.into()],
            name: format!("node_{output}"),
            op_type: op.into(),
            attribute: attributes.iter().map(attribute).collect(),
        });
    }

    pub(crate) fn output(mut self, name: &str, dims: &[Option<i64>]) -> Self {
        self.0
            .output
            .push(value(name, data_type::FLOAT, Some(dims)));
        self
    }

    pub(crate) fn weights(&mut self, name: &str, dims: &[i64]) {
        let n: i64 = dims.iter().product();
        let data = (0..n)
            .flat_map(|i| (((i * 7 + 3) % 11) as f32 / 11.0 - 0.3).to_le_bytes())
            .collect();
        self.tensor(name, data_type::FLOAT, dims, data);
    }

    pub(crate) fn integers(&mut self, name: &str, dims: &[i64], values: &[i64]) {
        self.tensor(
            name,
            data_type::INT64,
            dims,
            values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        );
    }

    pub(crate) fn tensor(&mut self, name: &str, data_type: i32, dims: &[i64], data: Vec<u8>) {
        self.0.initializer.push(TensorProto {
            name: name.into(),
            dims: dims.into(),
            data_type,
            raw_data: Bytes::from(data),
            ..TensorProto::default()
        });
    }

    /// The file.
    pub(crate) fn file(self) -> Vec<u8> {
        let model = ModelProto {
            ir_version: 9,
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: 18,
            }],
            graph: Some(self.0),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    /// The file with its f32 weights in another, which is given second and that
    /// the first knows as `location`.
    pub(crate) fn file_with_external(mut self, location: &str) -> (Vec<u8>, Vec<u8>) {
        let mut data = Vec::new();
        for tensor in self
            .0
            .initializer
            .iter_mut()
            .filter(|tensor| tensor.data_type == data_type::FLOAT)
        {
            let entry = |key: &str, value: String| StringStringEntryProto {
                key: key.into(),
                value,
            };
            tensor.external_data = vec![
                entry("location", location.into()),
                entry("offset", data.len().to_string()),
                entry("length", tensor.raw_data.len().to_string()),
            ];
            tensor.data_location = 1;
            data.extend_from_slice(&tensor.raw_data);
            tensor.raw_data = Bytes::new();
        }
        (self.file(), data)
    }
}

/// A tensor's name, type and dimensions; `None` may be any size.
pub(crate) fn value(name: &str, elem_type: i32, dims: Option<&[Option<i64>]>) -> ValueInfoProto {
    let dim = |size: &Option<i64>| DimensionProto {
        value: Some(size.map_or_else(|| Dimension::Param("N".into()), Dimension::Value)),
    };
    let shape = dims.map(|dims| TensorShapeProto {
        dim: dims.iter().map(dim).collect(),
    });
    let tensor_type = Some(TensorTypeProto { elem_type, shape });
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto { tensor_type }),
    }
}
