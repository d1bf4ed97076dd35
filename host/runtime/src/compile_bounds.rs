//! How large a component may be. Compiling is not interrupted and takes time and memory
//! by size, by functions and, for what a component exports, by the square of them: all of
//! it is looked at first, which takes milliseconds.

use wasmparser::{Parser, Payload};

use crate::{Error, ErrorKind, Result};

/// Bytes of a component: 256 MiB. Interpreters of Python and JavaScript have 10 to 40.
const BYTES: usize = 256 << 20;
/// Functions in all of its modules. Those of interpreters have 10,000 to 30,000.
const FUNCTIONS: u64 = 250_000;
/// Bytes of one function: 4 MiB. The compiler's time grows faster than these.
const FUNCTION: usize = 4 << 20;
/// What modules and components import and export, and the pieces that components are put
/// together from, each of these.
const ITEMS: u32 = 20_000;

/// Checks a component before it is compiled.
///
/// # Errors
/// [`ErrorKind::InvalidPlugin`], with the bound. What cannot be read is left to the
/// compiler to refuse.
pub(crate) fn check(component: &[u8]) -> Result<()> {
    let refuse = |what: String| {
        let message = format!("too large to be compiled: {what}");
        Err(Error::new(ErrorKind::InvalidPlugin, message))
    };
    if component.len() > BYTES {
        return refuse(format!("{} bytes of {BYTES}", component.len()));
    }
    let mut functions = 0;
    for payload in Parser::new(0).parse_all(component) {
        let Ok(payload) = payload else { return Ok(()) };
        let (what, items) = match payload {
            Payload::CodeSectionStart { count, .. } => {
                functions += u64::from(count);
                if functions > FUNCTIONS {
                    return refuse(format!("more than {FUNCTIONS} functions"));
                }
                continue;
            }
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len();
                if bytes > FUNCTION {
                    return refuse(format!("a function of {bytes} bytes, of {FUNCTION}"));
                }
                continue;
            }
            Payload::ImportSection(section) => ("imports", section.count()),
            Payload::ExportSection(section) => ("exports", section.count()),
            Payload::ComponentTypeSection(section) => ("types", section.count()),
            Payload::ComponentImportSection(section) => ("imports", section.count()),
            Payload::ComponentExportSection(section) => ("exports", section.count()),
            Payload::ComponentAliasSection(section) => ("aliases", section.count()),
            Payload::ComponentCanonicalSection(section) => ("functions", section.count()),
            Payload::ComponentInstanceSection(section) => ("instances", section.count()),
            Payload::InstanceSection(section) => ("instances", section.count()),
            _ => continue,
        };
        if items > ITEMS {
            return refuse(format!("{items} {what} of {ITEMS}"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn exports(count: usize) -> Vec<u8> {
        let mut text = String::from("(component (core module (func $f)");
        for n in 0..count {
            let _ = write!(text, "(export \"f{n}\" (func $f))");
        }
        text.push_str("))");
        wat::parse_str(&text).unwrap()
    }

    #[test]
    fn bombs_are_refused_before_they_are_compiled() {
        check(&exports(100)).unwrap();
        let error = check(&exports(20_001)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPlugin);
        assert!(
            error.to_string().contains("20001 exports of 20000"),
            "{error}"
        );

        let long = format!(
            "(component (core module (func {})))",
            "nop ".repeat((4 << 20) + 1)
        );
        let error = check(&wat::parse_str(long).unwrap()).unwrap_err();
        assert!(error.to_string().contains("a function of"), "{error}");

        let many = format!("(component (core module {}))", "(func)".repeat(250_001));
        let error = check(&wat::parse_str(many).unwrap()).unwrap_err();
        assert!(error.to_string().contains("functions"), "{error}");
    }
}
