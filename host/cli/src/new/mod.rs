//! `wudf new`: a plugin crate that builds, tests and runs at once.

mod lock;
mod sdk;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::args::NewArgs;
use crate::talk::Talk;

const MANIFEST: &str = include_str!("template/Cargo.toml.txt");
const LIBRARY: &str = include_str!("template/lib.rs.txt");
const EXAMPLE: &str = include_str!("template/example.csv.txt");
const README: &str = include_str!("template/README.md.txt");

/// The folder of the new crate that the SDK is in.
const SDK: &str = "sdk";
/// Where in that folder, and in a checkout, the crate for authors is.
const GUEST: &str = "guest/sdk";

pub fn new(args: &NewArgs, talk: Talk) -> Result<()> {
    let name = args.name.as_str();
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(name));
    let files = files(name, args.sdk.as_deref())?;
    write(&folder, &files)?;
    talk.say(&format!("{name} is a plugin now. What comes next:"));
    talk.say(&format!(
        "  cd {} && wudf build && wudf run",
        folder.display()
    ));
    Ok(())
}

/// All files of the new crate, by their names in it.
fn files(name: &str, checkout: Option<&Path>) -> Result<Vec<(String, String)>> {
    let (guest, about) = match checkout {
        Some(checkout) => (
            in_checkout(checkout)?,
            "The SDK is that of a checkout of wudf, which `Cargo.toml` names.".to_owned(),
        ),
        None => (
            format!("{SDK}/{GUEST}"),
            format!(
                "`{SDK}/` is what plugins are written with, as this wudf ({}) brings it; `{SDK}/{GUEST}/README.md` has \
                 types, options, models and assets.",
                env!("CARGO_PKG_VERSION")
            ),
        ),
    };
    let fill = |template: &str| {
        template
            .replace("{{name}}", name)
            .replace("{{about}}", &about)
            // Within quotes of TOML.
            .replace("{{sdk}}", &guest.replace('\\', "\\\\").replace('"', "\\\""))
    };
    let mut files = vec![
        ("Cargo.toml".to_owned(), fill(MANIFEST)),
        ("src/lib.rs".to_owned(), fill(LIBRARY)),
        ("example.csv".to_owned(), fill(EXAMPLE)),
        ("README.md".to_owned(), fill(README)),
        (".gitignore".to_owned(), "/target\n".to_owned()),
    ];
    if checkout.is_none() {
        files.push(("Cargo.lock".to_owned(), lock::of_new(name)?));
        let sdk = sdk::files()?;
        files.extend(
            sdk.into_iter()
                .map(|(name, text)| (format!("{SDK}/{name}"), text)),
        );
    }
    Ok(files)
}

fn in_checkout(checkout: &Path) -> Result<String> {
    let guest = checkout.join(GUEST);
    ensure!(
        guest.join("Cargo.toml").is_file(),
        "{} is no checkout of wudf: there is no {GUEST}/Cargo.toml in it",
        checkout.display()
    );
    let guest = guest
        .canonicalize()
        .with_context(|| format!("cannot find {}", guest.display()))?;
    let guest = guest
        .to_str()
        .context("the path of the checkout is not UTF-8, which Cargo.toml cannot name")?;
    Ok(guest.to_owned())
}

/// Writes the crate beside its place, so that there is all of it or none.
fn write(folder: &Path, files: &[(String, String)]) -> Result<()> {
    match fs::read_dir(folder) {
        Ok(mut entries) => ensure!(
            entries.next().is_none(),
            "the folder {} is not empty: choose another name, or --path",
            folder.display()
        ),
        Err(_) if folder.exists() => bail!("{} is a file", folder.display()),
        Err(_) => {}
    }
    let cannot = || format!("cannot write {}", folder.display());
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).with_context(cannot)?;
    let beside = tempfile::Builder::new()
        .prefix(".wudf-new-")
        .tempdir_in(parent)
        .with_context(cannot)?;
    let whole = beside.path().join("crate");
    for (name, text) in files {
        let path = whole.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(cannot)?;
        }
        fs::write(path, text).with_context(cannot)?;
    }
    // An empty folder is replaced where the system does that, removed first where it does not.
    fs::rename(&whole, folder)
        .or_else(|_| {
            fs::remove_dir(folder)?;
            fs::rename(&whole, folder)
        })
        .with_context(cannot)
}

/// What cargo takes as a crate's name, and Rust as one to write.
pub fn crate_name(text: &str) -> Result<String, String> {
    // With `-` as `_`, the way the compiler sees it.
    const TAKEN: &[&str] = &[
        "abstract",
        "alloc",
        "as",
        "async",
        "await",
        "become",
        "box",
        "break",
        "const",
        "continue",
        "core",
        "crate",
        "do",
        "dyn",
        "else",
        "enum",
        "extern",
        "false",
        "final",
        "fn",
        "for",
        "gen",
        "if",
        "impl",
        "in",
        "let",
        "loop",
        "macro",
        "match",
        "mod",
        "move",
        "mut",
        "override",
        "priv",
        "proc_macro",
        "pub",
        "ref",
        "return",
        "self",
        "static",
        "std",
        "struct",
        "super",
        "test",
        "trait",
        "true",
        "try",
        "type",
        "typeof",
        "unsafe",
        "unsized",
        "use",
        "virtual",
        "where",
        "while",
        "wudf_guest",
        "wudf_guest_macros",
        "yield",
    ];
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) || !text.chars().all(plain) {
        return Err("expected a letter, then letters, digits, `-` and `_`".to_owned());
    }
    if text.len() > 64 {
        return Err("longer than 64 letters".to_owned());
    }
    let seen = text.replace('-', "_").to_ascii_lowercase();
    if TAKEN.contains(&seen.as_str()) {
        return Err("a word of Rust's, or the name of a crate that the plugin needs".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates() {
        for good in ["hello", "image-features", "a1_b", "Hello"] {
            assert_eq!(crate_name(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "1a",
            "-a",
            "_a",
            "a b",
            "a/b",
            "../a",
            "ä",
            "fn",
            "Self",
            "std",
            "test",
            "wudf-guest",
            "a.b",
            &"a".repeat(65),
        ] {
            assert!(crate_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_that_is_there_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let files = [("a/b".to_owned(), "text".to_owned())];
        let empty = folder.path().join("empty");
        fs::create_dir(&empty).unwrap();
        write(&empty, &files).unwrap();
        assert_eq!(fs::read_to_string(empty.join("a/b")).unwrap(), "text");
        let again = write(&empty, &files).unwrap_err();
        assert!(again.to_string().contains("is not empty"), "{again}");
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write(&file, &files).unwrap_err();
        assert!(error.to_string().contains("is a file"), "{error}");
        write(&folder.path().join("deep/down"), &files).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn a_crate_is_whole() {
        let files = files("hello", None).unwrap();
        let text = |name: &str| {
            let file = files.iter().find(|(known, _)| known == name);
            file.unwrap_or_else(|| panic!("{name}")).1.as_str()
        };
        let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some("hello"));
        let sdk = manifest["dependencies"]["wudf-guest"]["path"]
            .as_str()
            .unwrap();
        for name in ["Cargo.toml", "README.md", "src/lib.rs"] {
            text(&format!("{sdk}/{name}"));
        }
        text("sdk/LICENSE");
        text("sdk/wit/wudf.wit");
        assert!(text("Cargo.lock").contains("name = \"hello\""));
        for (name, text) in files.iter().filter(|(name, _)| !name.starts_with("sdk/")) {
            assert!(!text.contains("{{"), "{name}");
        }
    }
}
