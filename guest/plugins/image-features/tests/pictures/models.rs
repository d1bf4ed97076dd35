//! The functions that run models, with closures in their place: what a model says that it takes is what it gets.

use std::cell::RefCell;
use std::rc::Rc;

use image_features::recipe::{Layout, Recipe, Resize, Size};
use image_features::transform::Preprocessor;
use image_features::udfs::{ImageClassify, ImageDetect, ImageFeatures};
use serde_json::json;
use wudf_guest::model::{Description, Tensor, TensorSpec};
use wudf_guest::{Half, testing};

use crate::windows::bmp;

fn spec(name: &str, format: &str, dimensions: &[Option<u32>]) -> TensorSpec {
    TensorSpec {
        name: name.to_owned(),
        format: format.to_owned(),
        dimensions: Some(dimensions.to_vec()),
    }
}

/// A model of one input and one output of the name that the function asks for.
fn described(input: TensorSpec, output: TensorSpec) -> Description {
    Description {
        inputs: vec![input],
        outputs: vec![output],
        properties: Vec::new(),
    }
}

/// A picture that is alike nowhere.
fn picture() -> Vec<u8> {
    let rgb: Vec<u8> = (0..31 * 23 * 3).map(|v| (v * 97 % 251) as u8).collect();
    bmp(31, 23, &rgb)
}

/// What a model was run with: dimensions and bytes.
type Seen = Rc<RefCell<Option<(Vec<u32>, Vec<u8>)>>>;

/// Runs `image_features` with a model that takes this and gives two numbers.
fn features(input: TensorSpec, options: &str) -> (Vec<f32>, Vec<u32>, Vec<u8>) {
    let seen = Seen::default();
    let sees = Rc::clone(&seen);
    let format = input.format.clone();
    let output = spec("features", &format, &[None, Some(2)]);
    let _model = testing::model("net", move |inputs| {
        let (_, tensor) = inputs.iter().next().expect("an input");
        let (bytes, output) = match format.as_str() {
            "C" => (
                tensor.to_vec::<u8>().expect("u8"),
                Tensor::from_vec([1, 2], vec![1_u8, 2]),
            ),
            "e" => {
                let halves = tensor.to_vec::<Half>().expect("f16");
                let output = [1.0, 2.0].map(|v| Half::from(half::f16::from_f32(v)));
                (
                    bytemuck::cast_slice(&halves).to_vec(),
                    Tensor::from_vec([1, 2], output.to_vec()),
                )
            }
            _ => {
                let floats = tensor.to_vec::<f32>().expect("f32");
                (
                    bytemuck::cast_slice(&floats).to_vec(),
                    Tensor::from_vec([1, 2], vec![1.0_f32, 2.0]),
                )
            }
        };
        *sees.borrow_mut() = Some((tensor.dimensions().to_vec(), bytes));
        [("features", output)]
    })
    .described(described(input, output));
    let function = testing::Function::<ImageFeatures>::open(options).expect("a function");
    assert_eq!(function.returns().format(), "+w:2");
    let file = picture();
    let features = function.call([&file[..]]).remove(0).expect("features");
    let (dimensions, bytes) = seen.take().expect("a run");
    (features, dimensions, bytes)
}

/// The tensor of the recipe that a model should lead to.
fn tensor<T: image_features::element::Element>(recipe: Recipe) -> Vec<u8> {
    let mut tensor = Vec::new();
    Preprocessor::<T>::new(recipe)
        .expect("a recipe")
        .tensor(&picture(), &mut tensor)
        .expect("a picture");
    bytemuck::cast_slice(&tensor).to_vec()
}

#[test]
fn a_model_of_bytes_needs_its_name_only() {
    let input = spec("image", "C", &[None, Some(16), Some(12), Some(3)]);
    let (features, dimensions, bytes) = features(input, r#"{"model": "net"}"#);
    assert_eq!(features, [1.0, 2.0]);
    assert_eq!(dimensions, [1, 16, 12, 3]);
    let recipe = Recipe {
        // 256 for 224 in proportion.
        resize: Resize::Short(18),
        crop: Size {
            height: 16,
            width: 12,
        },
        layout: Layout::Nhwc,
        ..Recipe::default()
    };
    assert_eq!(bytes, tensor::<u8>(recipe));
}

#[test]
fn a_model_of_halves_needs_its_name_only() {
    let input = spec("image", "e", &[Some(1), Some(3), Some(14), Some(14)]);
    let (features, dimensions, bytes) = features(input, r#"{"model": "net"}"#);
    assert_eq!(features, [1.0, 2.0]);
    assert_eq!(dimensions, [1, 3, 14, 14]);
    let recipe = Recipe {
        resize: Resize::Short(16),
        crop: Size::square(14),
        ..Recipe::default()
    };
    assert_eq!(bytes, tensor::<Half>(recipe));
}

#[test]
fn what_a_model_leaves_open_options_decide() {
    let input = spec("image", "f", &[None, Some(3), None, None]);
    let options = r#"{"model": "net", "resize": 20, "crop": 10}"#;
    let (_, dimensions, bytes) = features(input, options);
    assert_eq!(dimensions, [1, 3, 10, 10]);
    let recipe = Recipe {
        resize: Resize::Short(20),
        crop: Size::square(10),
        ..Recipe::default()
    };
    assert_eq!(bytes, tensor::<f32>(recipe));
    // It says nothing at all.
    let input = TensorSpec {
        dimensions: None,
        ..spec("image", "f", &[])
    };
    let (_, dimensions, _) = features(input, r#"{"model": "net"}"#);
    assert_eq!(dimensions, [1, 3, 224, 224]);
}

/// The message of a function that cannot be opened with such a model.
fn refused(inputs: Vec<TensorSpec>, options: &str) -> String {
    let description = Description {
        inputs,
        outputs: vec![spec("features", "f", &[None, Some(2)])],
        properties: Vec::new(),
    };
    let _model = testing::model("net", |_| 0.0_f32).described(description);
    let opened = testing::Function::<ImageFeatures>::open(options);
    opened.expect_err("no function").to_string()
}

#[test]
fn models_of_other_things_are_refused() {
    let net = r#"{"model": "net"}"#;
    let image = || spec("image", "f", &[None, Some(3), Some(8), Some(8)]);
    for (inputs, options, part) in [
        (
            vec![image(), spec("ids", "l", &[None])],
            net,
            "2 inputs (image, ids)",
        ),
        (
            vec![spec("x", "l", &[None, Some(3), None, None])],
            net,
            "format `l`",
        ),
        (
            vec![spec("x", "f", &[None, Some(100)])],
            net,
            "2 dimensions",
        ),
        (
            vec![spec("x", "f", &[None, Some(4), Some(8), Some(8)])],
            net,
            "channels",
        ),
        (
            vec![image()],
            r#"{"model": "net", "crop": 9}"#,
            "pictures of 8 x 8",
        ),
        (
            vec![image()],
            r#"{"model": "net", "channels": "gray"}"#,
            "pictures of 3",
        ),
        (
            vec![image()],
            r#"{"model": "net", "layer": "a,b"}"#,
            "not one tensor's name",
        ),
    ] {
        let message = refused(inputs, options);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn classes_have_scores_and_labels() {
    let input = spec("image", "f", &[None, Some(3), Some(8), Some(8)]);
    let description = || described(input.clone(), spec("logits", "f", &[None, Some(3)]));
    let logits =
        |_: &testing::Inputs<'_>| [("logits", Tensor::from_vec([1, 3], vec![1.0_f32, 3.0, 2.0]))];
    let file = picture();
    let classes = |options: serde_json::Value| {
        let function = testing::Function::<ImageClassify>::open(options).expect("a function");
        let classes = function.call([&file[..]]).remove(0).expect("classes");
        classes
            .iter()
            .map(|class| json!(format!("{class:?}")))
            .collect::<Vec<_>>()
    };
    let _model = testing::model("net", logits).described(Description {
        properties: vec![("labels".to_owned(), "ant\nbee\ncat".to_owned())],
        ..description()
    });
    let found = classes(json!({"model": "net", "top": 2}));
    // torch.softmax(torch.tensor([1., 3., 2.]), 0): 0.0900, 0.6652, 0.2447.
    let [bee, cat] = &found[..] else {
        panic!("{found:?}");
    };
    assert!(bee.to_string().contains("0.66524"), "{bee}");
    assert!(bee.to_string().contains("bee"), "{bee}");
    assert!(cat.to_string().contains("0.24472"), "{cat}");
    let _labels = testing::asset("names", "x\ny\nz");
    let found = classes(json!({"model": "net", "labels": "names", "activation": "none"}));
    assert_eq!(found.len(), 3);
    assert!(found[0].to_string().contains('y'), "{found:?}");
    assert!(found[0].to_string().contains("score: 3.0"), "{found:?}");
}

#[test]
fn boxes_are_in_pixels_of_the_picture() {
    let input = spec("image", "f", &[Some(1), Some(3), Some(62), Some(62)]);
    let output = spec("logits", "f", &[Some(1), Some(5), Some(2)]);
    // Twice as large, and in the middle of 62 rows: 8 are above.
    let _model = testing::model("net", |inputs| {
        let tensor = inputs.tensor("").to_vec::<f32>().expect("f32");
        // Grey above the picture.
        assert_eq!(tensor[0], 114.0 / 255.0);
        let boxes = vec![20.0_f32, 0.0, 18.0, 0.0, 4.0, 0.0, 8.0, 0.0, 0.75, 0.1];
        [("logits", Tensor::from_vec([1, 5, 2], boxes))]
    })
    .described(described(input, output));
    let function = testing::Function::<ImageDetect>::open(r#"{"model": "net"}"#);
    let file = picture();
    let found = function.expect("a function").call([&file[..]]).remove(0);
    let found = found.expect("boxes");
    let [only] = &found[..] else {
        panic!("{found:?}");
    };
    let text = format!("{only:?}");
    for part in [
        "class: 0",
        "score: 0.75",
        "left: 9.0",
        "top: 3.0",
        "right: 11.0",
        "bottom: 7.0",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
