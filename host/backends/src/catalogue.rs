//! Catalogue entries as a command line writes them: `NAME=SOURCE[,SETTING=VALUE]...`.
//!
//! ```text
//! resnet50=models/r50.onnx
//! resnet50=https://host/r50.onnx#sha256=HEX,backend=onnxruntime,device=gpu:0
//! resnet50=seeded:resnet50,outputs=features+logits,batch=32
//! ```
//!
//! `NAME` ends at the first `=`. `SOURCE` is a [location](crate::source) and ends
//! at the first comma with a setting's name and `=` behind it, so that a path may
//! hold commas and equals signs.
//!
//! | setting | value |
//! |---|---|
//! | `backend` | a backend's name: `rten`, `onnxruntime`, `openvino` |
//! | `device` | `cpu`, `gpu` (the first), `gpu:1` |
//! | `precision` | `stored`, `f32`, `bf16`, `f16` |
//! | `batch` | rows to join into one run, at least 1 |
//! | `max_elements` | the most elements of an input of open shape, 16777216 otherwise |
//! | `outputs` | names of outputs, joined by `+`; see [`LoadRequest::outputs`] |
//!
//! [`LoadRequest::outputs`]: wudf::nn::LoadRequest::outputs

use wudf::nn::{Device, Error, ErrorKind, ModelSpec, Precision};

use crate::source::Source;

const SETTINGS: [&str; 6] = [
    "backend",
    "device",
    "precision",
    "batch",
    "max_elements",
    "outputs",
];

/// Reads an entry.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when it has no name, no source or a setting
/// that cannot be read; what [`Source::parse`] says of the source.
pub fn parse(entry: &str) -> Result<ModelSpec, Error> {
    let invalid = |why: &str| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("model `{entry}`: {why}"),
        )
    };
    let (name, rest) = entry
        .split_once('=')
        .ok_or_else(|| invalid("an entry is written NAME=SOURCE"))?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',') {
        return Err(invalid(
            "the name before `=` is empty or holds a space or a comma",
        ));
    }
    let end = SETTINGS
        .iter()
        .filter_map(|key| rest.find(&format!(",{key}=")))
        .min()
        .unwrap_or(rest.len());
    let (source, settings) = rest.split_at(end);
    if source.is_empty() {
        return Err(invalid("there is no source behind `=`"));
    }
    Source::parse(source)?;

    let mut spec = ModelSpec::new(name, source);
    let mut seen = Vec::new();
    for setting in settings.split(',').skip(1) {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        if seen.contains(&key) {
            return Err(invalid(&format!("`{key}` is set twice")));
        }
        seen.push(key);
        let wrong = |what: &str| invalid(&format!("`{setting}`: {what}"));
        spec = match key {
            "backend" if !value.is_empty() => spec.backend(value),
            "backend" => return Err(wrong("a backend has a name")),
            "device" => spec
                .device(device(value).ok_or_else(|| wrong("a device is `cpu`, `gpu` or `gpu:0`"))?),
            "precision" => spec.precision(
                precision(value)
                    .ok_or_else(|| wrong("a precision is `stored`, `f32`, `bf16` or `f16`"))?,
            ),
            "batch" => {
                let rows = value.parse().ok().filter(|&rows: &usize| rows > 0);
                spec.batch_size(rows.ok_or_else(|| wrong("a batch has at least one row"))?)
            }
            "max_elements" => {
                let most = value.parse().ok().filter(|&most: &u64| most > 0);
                spec.max_elements(most.ok_or_else(|| wrong("an input has at least one element"))?)
            }
            "outputs" if value.split('+').all(|name| !name.is_empty()) => {
                spec.outputs(value.split('+'))
            }
            "outputs" => return Err(wrong("outputs are names joined by `+`")),
            _ => {
                return Err(wrong(
                    "the settings are backend, device, precision, batch, max_elements and outputs",
                ));
            }
        };
    }
    Ok(spec)
}

fn device(value: &str) -> Option<Device> {
    match value.split_once(':') {
        None if value == "cpu" => Some(Device::Cpu),
        None if value == "gpu" => Some(Device::Gpu(0)),
        Some(("gpu", number)) => number.parse().ok().map(Device::Gpu),
        _ => None,
    }
}

fn precision(value: &str) -> Option<Precision> {
    Some(match value {
        "stored" => Precision::AsStored,
        "f32" => Precision::F32,
        "bf16" => Precision::Bf16,
        "f16" => Precision::F16,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use wudf::nn::ModelSource;

    use super::*;

    fn source(entry: &str) -> String {
        match parse(entry).expect(entry).source {
            ModelSource::Location(location) => location,
            other => panic!("{other:?}"),
        }
    }

    fn error(entry: &str) -> String {
        let e = parse(entry).expect_err(entry);
        assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{e}");
        e.to_string()
    }

    #[test]
    fn a_path_alone() {
        assert_eq!(
            parse("resnet50=models/r50.onnx").unwrap(),
            ModelSpec::new("resnet50", "models/r50.onnx")
        );
    }

    #[test]
    fn all_settings() {
        let spec = parse(
            "m=a.onnx,backend=onnxruntime,device=gpu:1,precision=bf16,batch=32,max_elements=1000,outputs=features+a/b_0",
        );
        let wanted = ModelSpec::new("m", "a.onnx")
            .backend("onnxruntime")
            .device(Device::Gpu(1))
            .precision(Precision::Bf16)
            .batch_size(32)
            .max_elements(1000)
            .outputs(["features", "a/b_0"]);
        assert_eq!(spec.unwrap(), wanted);
        assert_eq!(parse("m=a,device=gpu").unwrap().device, Device::Gpu(0));
        assert_eq!(
            parse("m=a,device=cpu,precision=stored").unwrap(),
            ModelSpec::new("m", "a")
        );
    }

    #[test]
    fn odd_paths() {
        let paths = [
            "a,b.onnx",
            "a=b.onnx",
            "dir with space/ü.onnx",
            "a,devices=3.onnx",
            ",x",
            r"C:\m.onnx",
            "backend=x",
        ];
        for path in paths {
            assert_eq!(source(&format!("m={path}")), path);
            assert_eq!(source(&format!("m={path},batch=2,backend=rten")), path);
        }
    }

    #[test]
    fn a_url_keeps_its_digest() {
        let url = format!("https://host/a,b.onnx?x=1#sha256={}", "0f".repeat(32));
        assert_eq!(source(&format!("m={url},batch=2")), url);
        assert!(error("m=https://host/r50.onnx").contains("digest"));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        assert!(error("resnet50").contains("NAME=SOURCE"));
        assert!(error("=a.onnx").contains("name"));
        assert!(error("a b=a.onnx").contains("name"));
        assert!(error("m=").contains("source"));
        assert!(error("m=,batch=2").contains("source"));
        assert!(error("m=a,batch=0").contains("at least one row"));
        assert!(error("m=a,max_elements=many").contains("at least one element"));
        assert!(error("m=a,device=tpu").contains("gpu:0"));
        assert!(error("m=a,precision=int8").contains("bf16"));
        assert!(error("m=a,batch=2,speed=9").contains("settings are"));
        assert!(error("m=a,batch=2,batch=3").contains("twice"));
        assert!(error("m=a,outputs=a++b").contains("joined"));
        assert!(error("m=a,backend=").contains("name"));
    }
}
