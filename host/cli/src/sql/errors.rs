//! DataFusion's errors, for people.

use datafusion::common::DataFusionError;

/// What went wrong, without the layers that it came through.
pub fn explain(error: DataFusionError) -> anyhow::Error {
    let text = match error.find_root() {
        // What the layers below the engine say, they say well.
        DataFusionError::External(inner) => {
            if let Some(own) = inner.downcast_ref::<wudf::Error>() {
                return own.clone().into();
            }
            let mut text = inner.to_string();
            let mut cause = inner.source();
            while let Some(inner) = cause {
                let more = inner.to_string();
                if !text.contains(&more) {
                    text = format!("{text}: {more}");
                }
                cause = inner.source();
            }
            text
        }
        DataFusionError::Plan(message) | DataFusionError::Execution(message) => clean(message),
        DataFusionError::SQL(error, _) => error.to_string(),
        root => root.strip_backtrace(),
    };
    anyhow::Error::msg(text)
}

/// A message without the names of the layers that it was passed through as text.
fn clean(message: &str) -> String {
    let mut message = message;
    loop {
        let names = ["Error during planning: ", "Execution error: "];
        match names.iter().find_map(|name| message.strip_prefix(name)) {
            Some(rest) => message = rest,
            None => break,
        }
    }
    // A function's own words on its arguments, out of DataFusion's on functions.
    let (_, own) = message
        .split_once("user-defined coercion failed with: ")
        .unwrap_or(("", message));
    let own = own.strip_prefix("Error during planning: ").unwrap_or(own);
    let own = own
        .split_once(" No function matches")
        .map_or(own, |(own, _)| own.trim_end().trim_end_matches('.'));
    own.to_owned()
}
