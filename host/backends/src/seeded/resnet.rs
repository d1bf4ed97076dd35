//! ResNet-50 v1.5, and a network small enough for tests.

use super::builder::{Builder, Conv};

/// ResNet-50 v1.5 (He et al., 2015; stride in the 3 x 3 convolution) as
/// torchvision has it and an exporter writes it: batch normalisation folded
/// into the convolutions. An ONNX file of 102 MB with opset 17.
///
/// Input `input`: f32 [N, 3, 224, 224]. Output `logits`: f32 [N, 1000]. The
/// tensor `features`: f32 [N, 2048].
pub fn resnet50(seed: u64) -> Vec<u8> {
    let mut net = Builder::new("resnet50", seed);
    let conv = |from, to, kernel, stride| Conv {
        from,
        to,
        kernel,
        stride,
        scale: 1.0,
    };
    let x = net.conv("conv1", "input", conv(3, 64, 7, 2));
    let x = net.relu("relu", &x);
    let mut x = net.max_pool("maxpool", &x);
    let mut from = 64;
    for (stage, (blocks, width)) in [(3, 64), (4, 128), (6, 256), (3, 512)]
        .into_iter()
        .enumerate()
    {
        let to = 4 * width;
        for block in 0..blocks {
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            let name = |layer: &str| format!("layer{}.{block}.{layer}", stage + 1);
            let y = net.conv(&name("conv1"), &x, conv(from, width, 1, 1));
            let y = net.relu(&name("relu1"), &y);
            let y = net.conv(&name("conv2"), &y, conv(width, width, 3, stride));
            let y = net.relu(&name("relu2"), &y);
            // Each block adds to what passes by: a full-sized branch would
            // double it 16 times over.
            let last = Conv {
                scale: 0.25,
                ..conv(width, to, 1, 1)
            };
            let y = net.conv(&name("conv3"), &y, last);
            let shortcut = if block == 0 {
                net.conv(&name("downsample"), &x, conv(from, to, 1, stride))
            } else {
                x
            };
            let sum = net.add(&name("add"), &y, &shortcut);
            x = net.relu(&name("relu3"), &sum);
            from = to;
        }
    }
    net.classifier(&x, from, 1000)
}

/// One convolution, a global mean and a fully connected layer: an ONNX file of
/// about 5 kB for tests.
///
/// Input `input`: f32 [N, 3, 224, 224]. Output `logits`: f32 [N, 10]. The
/// tensor `features`: f32 [N, 16].
pub fn tiny(seed: u64) -> Vec<u8> {
    let mut net = Builder::new("tiny", seed);
    let x = net.conv(
        "conv1",
        "input",
        Conv {
            from: 3,
            to: 16,
            kernel: 4,
            stride: 8,
            scale: 1.0,
        },
    );
    let x = net.relu("relu", &x);
    net.classifier(&x, 16, 10)
}
