//! `wudf new`: a plugin that builds, tests and runs at once.

mod lock;
mod sdk;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::args::{Lang, NewArgs};
use crate::project::MANIFEST;
use crate::talk::Talk;

/// The files of a language, by their names in the new folder.
type Template = &'static [(&'static str, &'static str)];

const RUST: Template = &[
    ("Cargo.toml", include_str!("template/rust/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("template/rust/lib.rs.txt")),
    ("example.csv", include_str!("template/rust/example.csv.txt")),
    (
        EXPECTED,
        include_str!("template/rust/example.expected.ndjson.txt"),
    ),
    ("README.md", include_str!("template/rust/README.md.txt")),
    (".gitignore", "/target\n"),
];

/// What all languages but Rust have.
const PLAIN: Template = &[
    (MANIFEST, include_str!("template/wudf.toml.txt")),
    ("wit/plugin.wit", include_str!("template/plugin.wit.txt")),
    ("example.csv", include_str!("template/example.csv.txt")),
    (
        EXPECTED,
        include_str!("template/example.expected.ndjson.txt"),
    ),
];

const PYTHON: Template = &[
    ("app.py", include_str!("template/python/app.py.txt")),
    ("README.md", include_str!("template/python/README.md.txt")),
    (".gitignore", "/target\n/bindings\n__pycache__\n.venv\n"),
];

const JS: Template = &[
    ("plugin.js", include_str!("template/js/plugin.js.txt")),
    ("package.json", include_str!("template/js/package.json.txt")),
    ("README.md", include_str!("template/js/README.md.txt")),
    (".gitignore", "/target\n/node_modules\n"),
];

const C: Template = &[
    ("plugin.c", include_str!("template/c/plugin.c.txt")),
    ("README.md", include_str!("template/c/README.md.txt")),
    (".gitignore", "/target\n"),
];

/// What the template's examples give, which `wudf test` compares.
const EXPECTED: &str = "example.expected.ndjson";

/// The folder of a new crate that has the SDK, a folder for each of its crates.
const SDK: &str = "sdk";
/// The crate that a plugin depends on.
const GUEST: &str = "wudf-guest";

pub fn new(args: &NewArgs, talk: Talk) -> Result<()> {
    let name = args.name.as_str();
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(name));
    let files = match args.lang {
        Lang::Rust => rust(name, args)?,
        other => {
            ensure!(
                args.sdk.is_none(),
                "--sdk is for plugins in Rust: those in other languages use no SDK"
            );
            plain(name, other)
        }
    };
    write(&folder, &files)?;
    talk.say(&format!("created the plugin {name}; next:"));
    // In a shell's words; a path that needs quotes is rare.
    let install = match args.lang {
        Lang::Js => "npm install && ",
        Lang::Rust | Lang::Python | Lang::C => "",
    };
    talk.say(&format!(
        "  cd {} && {install}wudf build && wudf test",
        folder.display()
    ));
    talk.say("  wudf run        # over example.csv");
    Ok(())
}

/// The files of a plugin in another language than Rust.
fn plain(name: &str, lang: Lang) -> Vec<(String, String)> {
    let (template, language, source) = match lang {
        Lang::Js => (JS, "js", "plugin.js"),
        Lang::C => (C, "c", "plugin.c"),
        Lang::Python | Lang::Rust => (PYTHON, "python", "app.py"),
    };
    let fill = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{npm}}", &name.to_ascii_lowercase())
            .replace("{{language}}", language)
            .replace("{{source}}", source)
    };
    let files = PLAIN.iter().chain(template);
    files
        .map(|(name, text)| ((*name).to_owned(), fill(text)))
        .collect()
}

/// The files of a plugin crate.
fn rust(name: &str, args: &NewArgs) -> Result<Vec<(String, String)>> {
    let version = env!("CARGO_PKG_VERSION");
    let published = format!("{GUEST} = \"{version}\"");
    let vendored = args.vendored && args.sdk.is_none();
    let (dependency, about) = match &args.sdk {
        Some(checkout) => {
            // Within quotes of TOML.
            let path = in_checkout(checkout)?
                .replace('\\', "\\\\")
                .replace('"', "\\\"");
            let about = "The SDK is that of a checkout of wudf, which `Cargo.toml` names.";
            (
                format!("{GUEST} = {{ path = \"{path}\" }}"),
                about.to_owned(),
            )
        }
        None if vendored => {
            let about = format!(
                "`{SDK}/` has the SDK of wudf {version}; `{SDK}/{GUEST}/README.md` describes types, options, models and \
                 assets."
            );
            (published, about)
        }
        None => (published, "The SDK comes from crates.io.".to_owned()),
    };
    let patch = match vendored {
        true => format!(
            "\n# The SDK in this folder stands in for the one on crates.io; without these lines cargo fetches that.\n\
             [patch.crates-io]\n{}",
            sdk::CRATES
                .iter()
                .map(|name| format!("{name} = {{ path = \"{SDK}/{name}\" }}\n"))
                .collect::<String>()
        ),
        false => String::new(),
    };
    let exclude = match vendored {
        true => format!("exclude = [\"{SDK}\"]\n"),
        false => String::new(),
    };
    let fill = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{about}}", &about)
            .replace("{{dependency}}", &dependency)
            .replace("{{patch}}", &patch)
            .replace("{{exclude}}\n", &exclude)
    };
    let mut files: Vec<(String, String)> = RUST
        .iter()
        .map(|(name, text)| ((*name).to_owned(), fill(text)))
        .collect();
    if vendored {
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
    let guest = checkout.join("guest/sdk");
    ensure!(
        guest.join("Cargo.toml").is_file(),
        "{} is not a checkout of wudf: it has no guest/sdk/Cargo.toml",
        checkout.display()
    );
    let guest = guest
        .canonicalize()
        .with_context(|| format!("cannot find {}", guest.display()))?;
    let guest = guest
        .to_str()
        .context("the path of the checkout is not UTF-8, which Cargo.toml must be")?;
    Ok(guest.to_owned())
}

/// Writes the files beside their place, so that there are all of them or none.
fn write(folder: &Path, files: &[(String, String)]) -> Result<()> {
    match fs::read_dir(folder) {
        Ok(mut entries) => ensure!(
            entries.next().is_none(),
            "the folder {} is not empty: choose another name, or another folder with --path",
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
    let whole = beside.path().join("plugin");
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

/// A plugin's name, in every language.
pub fn check_name(text: &str) -> Result<&str, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) || !text.chars().all(plain) {
        return Err("expected a letter, then letters, digits, `-` and `_`".to_owned());
    }
    if text.len() > 64 {
        return Err("longer than 64 letters".to_owned());
    }
    Ok(text)
}

/// A name for cargo, and for Rust code.
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
    let text = check_name(text)?;
    let seen = text.replace('-', "_").to_ascii_lowercase();
    if TAKEN.contains(&seen.as_str()) {
        return Err("a Rust keyword, or the name of a crate that plugins depend on".to_owned());
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

    fn args(name: &str, vendored: bool) -> NewArgs {
        NewArgs {
            name: name.to_owned(),
            lang: Lang::Rust,
            path: None,
            vendored,
            sdk: None,
        }
    }

    fn text<'a>(files: &'a [(String, String)], name: &str) -> &'a str {
        let file = files.iter().find(|(known, _)| known == name);
        file.unwrap_or_else(|| panic!("{name}")).1.as_str()
    }

    fn all_filled(files: &[(String, String)]) {
        for (name, text) in files.iter().filter(|(name, _)| !name.starts_with("sdk/")) {
            assert!(!text.contains("{{"), "{name}");
        }
    }

    #[test]
    fn a_crate_is_whole() {
        let files = rust("hello", &args("hello", true)).unwrap();
        let manifest: toml::Table = text(&files, "Cargo.toml").parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some("hello"));
        let version = manifest["dependencies"]["wudf-guest"].as_str();
        assert_eq!(version, Some(env!("CARGO_PKG_VERSION")));
        for (name, patched) in manifest["patch"]["crates-io"].as_table().unwrap() {
            let folder = patched["path"].as_str().unwrap();
            let manifest: toml::Table = text(&files, &format!("{folder}/Cargo.toml"))
                .parse()
                .unwrap();
            assert_eq!(manifest["package"]["name"].as_str(), Some(name.as_str()));
            text(&files, &format!("{folder}/src/lib.rs"));
        }
        assert!(text(&files, "Cargo.lock").contains("name = \"hello\""));
        all_filled(&files);
    }

    #[test]
    fn a_crate_can_use_the_published_sdk() {
        let files = rust("hello", &args("hello", false)).unwrap();
        let manifest: toml::Table = text(&files, "Cargo.toml").parse().unwrap();
        assert!(manifest["dependencies"]["wudf-guest"].is_str());
        assert!(manifest.get("patch").is_none());
        assert!(
            files
                .iter()
                .all(|(name, _)| !name.starts_with("sdk/") && name != "Cargo.lock")
        );
        all_filled(&files);
    }

    #[test]
    fn other_languages_are_whole() {
        for (lang, source) in [
            (Lang::Python, "app.py"),
            (Lang::Js, "plugin.js"),
            (Lang::C, "plugin.c"),
        ] {
            let files = plain("Hello_2", lang);
            let manifest: toml::Table = text(&files, MANIFEST).parse().unwrap();
            assert_eq!(manifest["build"]["source"].as_str(), Some(source));
            for name in [
                source,
                "wit/plugin.wit",
                "example.csv",
                EXPECTED,
                "README.md",
            ] {
                text(&files, name);
            }
            all_filled(&files);
        }
    }
}
