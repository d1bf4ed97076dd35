//! From an empty folder to a plugin that runs: `wudf new`, `wudf build`, `wudf test`
//! and `wudf run` without arguments, in Rust. Other languages are in `languages.rs`.
//!
//! Nothing is downloaded: a new crate's lock file has the versions that this
//! workspace was built with. What is compiled is kept among the build's
//! temporary files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use wudf_tests::program::{Ran, names_in, release, wudf};

use super::golden::check;

/// Where everything is built that is built here.
pub(super) fn target() -> PathBuf {
    release().with_file_name("tmp").join("wudf-new-target")
}

/// The user's Rust and nothing else of theirs: an empty home folder.
pub(super) fn environment(home: &Path) -> Vec<(&'static str, PathBuf)> {
    let user = std::env::home_dir().unwrap();
    let rust = |name: &str, folder: &str| {
        std::env::var_os(name).map_or_else(|| user.join(folder), PathBuf::from)
    };
    vec![
        ("HOME", home.to_owned()),
        ("CARGO_HOME", rust("CARGO_HOME", ".cargo")),
        ("RUSTUP_HOME", rust("RUSTUP_HOME", ".rustup")),
        ("CARGO_TARGET_DIR", target()),
        ("CARGO_NET_OFFLINE", "true".into()),
        ("CARGO_TERM_COLOR", "never".into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_CEILING_DIRECTORIES", home.to_owned()),
        ("PATH", std::env::var_os("PATH").unwrap_or_default().into()),
    ]
}

/// A folder, and the home beside it.
pub(super) struct Place(pub(super) TempDir);

impl Place {
    pub(super) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("home")).unwrap();
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command line whose words have no spaces, in a folder of the place.
    pub(super) fn run(&self, folder: &str, line: &str) -> Ran {
        let run = wudf(&self.path(folder), line.split_whitespace());
        let environment = environment(&self.path("home"));
        environment
            .into_iter()
            .fold(run, |run, (name, value)| run.env(name, value))
            .run()
    }

    /// Another program, which must succeed.
    fn command(&self, folder: &str, line: &str) -> String {
        let mut words = line.split_whitespace();
        let output = Command::new(words.next().unwrap())
            .args(words)
            .current_dir(self.path(folder))
            .envs(environment(&self.path("home")))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{line}\n{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    /// What was said, without what differs between machines, and without cargo's own words.
    fn transcript(&self, ran: &Ran) -> String {
        let cargo = [
            "Compiling",
            "Finished",
            "Locking",
            "Updating",
            "Adding",
            "Blocking",
        ];
        let lines = ran.transcript();
        let lines = lines.lines().filter(|line| {
            let word = line.trim_start().split(' ').next();
            !word.is_some_and(|word| cargo.contains(&word) && line.starts_with("   "))
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let here = self.0.path().canonicalize().unwrap();
        let text = text.replace(target().to_str().unwrap(), "[TARGET]");
        text.replace(here.to_str().unwrap(), "[HERE]")
    }
}

fn digest(inspected: &Ran) -> String {
    let json: Value = serde_json::from_str(inspected.text()).unwrap();
    json["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_crate_builds_tests_and_runs() {
    let place = Place::new();
    let mut story = Vec::new();
    let mut tell = |folder: &str, line: &str, status: i32| {
        let ran = place.run(folder, line).ends_with(status);
        story.push(place.transcript(&ran));
        ran
    };
    tell("", "new hello", 0);
    assert_eq!(names_in(place.0.path()), ["hello", "home"]);
    assert_eq!(
        names_in(&place.path("hello")),
        [
            ".gitignore",
            "Cargo.lock",
            "Cargo.toml",
            "README.md",
            "example.csv",
            "example.expected.ndjson",
            "sdk",
            "src"
        ]
    );
    tell("", "new hello", 3);

    // The file may be there of another run of this test.
    let _ = fs::remove_file(target().join("wudf/hello.wasm"));
    tell("hello", "run", 3);
    let built = tell("hello", "build", 0);
    let file = built.text().trim_end();
    assert_eq!(Path::new(file), target().join("wudf/hello.wasm"));
    tell("hello", "run", 0);
    tell("hello/src", "run --limit 1 --output-format csv -o -", 0);
    tell("hello", "test", 0);
    let said = place.run("hello", &format!("inspect {file}")).ends_with(0);
    story.push(place.transcript(&said));
    check("new_build_run", &story.join("\n"));

    let tested = place.command("hello", "cargo test");
    assert!(
        tested.contains("test tests::words_are_joined ... ok"),
        "{tested}"
    );

    // The same sources in another folder make the same file.
    place.run("", "new hello --path deep/down/it").ends_with(0);
    let other = place
        .run("deep", "build down/it -o other.wasm")
        .ends_with(0);
    assert!(
        other
            .stderr
            .ends_with("\n  slug(title: string) -> string\n"),
        "{}",
        other.stderr
    );
    assert_eq!(other.text(), "other.wasm\n");
    assert_eq!(
        fs::read(file).unwrap(),
        fs::read(place.path("deep/other.wasm")).unwrap()
    );
    let bytes = fs::read(file).unwrap();
    for here in [
        place.0.path(),
        &target(),
        &PathBuf::from(env!("CARGO_MANIFEST_DIR")),
    ] {
        let here = here.to_str().unwrap().as_bytes();
        assert!(
            !bytes.windows(here.len()).any(|window| window == here),
            "a path of this machine"
        );
    }

    // A source that is newer than the plugin.
    let library = place.path("hello/src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    fs::write(&library, text.replace("join(\"-\")", "join(\"+\")")).unwrap();
    let ran = place.run("hello", "run").ends_with(0);
    assert!(
        ran.stderr.contains("warning: src/lib.rs is newer than"),
        "{}",
        ran.stderr
    );
    assert!(ran.text().contains("hello-world"), "{}", ran.text());
    place.run("hello", "build --quiet").ends_with(0);
    let ran = place.run("hello", "run").ends_with(0);
    assert!(!ran.stderr.contains("newer"), "{}", ran.stderr);
    assert!(ran.text().contains("hello+world"), "{}", ran.text());
}

#[test]
fn a_plugin_says_what_cargo_and_git_say() {
    let place = Place::new();
    place.run("", "new it --path told").ends_with(0);
    let manifest = place.path("told/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let more = "license = \"MIT/Apache-2.0\"\nauthors = [\"Ada\", \"Grace\"]\n\
                repository = \"https://example.org/it.git\"\nhomepage = \"https://example.org/\"\n";
    fs::write(
        &manifest,
        text.replace("\n[lib]", &format!("{more}\n[lib]")),
    )
    .unwrap();
    let build = || {
        place.run("told", "build --quiet -o it.wasm").ends_with(0);
        let ran = place.run("told", "inspect it.wasm --json").ends_with(0);
        let json: Value = serde_json::from_str(ran.text()).unwrap();
        (json["metadata"].clone(), digest(&ran))
    };
    let (metadata, first) = build();
    assert_eq!(metadata["name"], "it");
    assert_eq!(metadata["version"], "0.1.0");
    assert_eq!(metadata["description"], "A wudf plugin: titles to slugs");
    assert_eq!(metadata["licenses"], "MIT OR Apache-2.0");
    assert_eq!(metadata["authors"], "Ada, Grace");
    assert_eq!(metadata["source"], "https://example.org/it.git");
    assert_eq!(metadata["homepage"], "https://example.org/");
    assert_eq!(metadata["revision"], Value::Null);
    assert_eq!(metadata["dependencies"], Value::Null);
    let shown = place.run("told", "inspect it.wasm").ends_with(0);
    check("inspect_of_a_built_plugin", &place.transcript(&shown));

    // In a repository that is about something else it has no revision.
    place.command("", "git init --quiet");
    assert_eq!(build(), (metadata, first));
    place.command("told", "git init --quiet");
    place.command("told", "git add Cargo.toml Cargo.lock src");
    place.command(
        "told",
        "git -c user.name=a -c user.email=a@b commit --quiet -m one",
    );
    let commit = place.command("told", "git rev-parse HEAD");
    assert_eq!(build().0["revision"], commit.trim());
    let library = place.path("told/src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    fs::write(&library, format!("{text}// More.\n")).unwrap();
    assert_eq!(build().0["revision"], format!("{}-dirty", commit.trim()));

    // What is no licence is said before anything is written.
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("MIT/Apache-2.0", "the usual")).unwrap();
    let before = fs::read(place.path("told/it.wasm")).unwrap();
    let ran = place.run("told", "build --quiet -o it.wasm").ends_with(3);
    assert!(
        ran.stderr
            .contains("`the usual` is no licence that SPDX knows"),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read(place.path("told/it.wasm")).unwrap(), before);
}

/// A crate that needs nothing, in a workspace of its own.
fn bare(place: &Place, name: &str, library: &str) {
    let folder = place.path(name);
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [package.metadata.wudf]\nexample = \"rows.csv\"\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/lib.rs"), library).unwrap();
}

#[test]
fn what_goes_wrong_is_said() {
    let place = Place::new();
    bare(&place, "broken", "fn f() -> { }\n");
    bare(&place, "idle", "pub fn f() {}\n");
    bare(&place, "main", "");
    fs::rename(
        place.path("main/src/lib.rs"),
        place.path("main/src/main.rs"),
    )
    .unwrap();
    fs::write(place.path("main/src/main.rs"), "fn main() {}\n").unwrap();
    fs::create_dir(place.path("several")).unwrap();
    fs::rename(place.path("idle"), place.path("several/idle")).unwrap();
    let text = fs::read_to_string(place.path("several/idle/Cargo.toml")).unwrap();
    fs::write(
        place.path("several/idle/Cargo.toml"),
        text.replace("[workspace]\n", ""),
    )
    .unwrap();
    fs::write(
        place.path("several/Cargo.toml"),
        "[workspace]\nmembers = [\"idle\"]\nresolver = \"3\"\n",
    )
    .unwrap();
    let before = names_in(&place.path("several/idle"));

    let mut said = Vec::new();
    let mut tell = |folder: &str, line: &str, status: i32| {
        let ran = place.run(folder, line).ends_with(status);
        assert_eq!(ran.text(), "", "{line}: errors go to stderr");
        said.push(place.transcript(&ran));
    };
    tell("home", "build", 3);
    tell("", "build nowhere", 3);
    tell("", "build main", 3);
    tell("", "build several", 3);
    tell("", "build broken --quiet", 3);
    // Nothing is exported: `plugin!` was forgotten.
    tell("", "build several/idle --quiet -o idle.wasm", 3);
    tell("several/idle", "run", 3);
    // No plugin crate with an example, or not all of the arguments left out: as ever.
    tell("home", "run", 2);
    tell("several", "run", 2);
    tell("several/idle", "run plugin.wasm", 2);
    tell("several/idle", "inspect", 2);
    for name in ["", "1st", "../up", "fn", "wudf-guest"] {
        tell("", &format!("new {name}"), 2);
    }
    tell("", "new it --sdk home", 3);
    check("errors_of_crates", &said.join("\n"));
    assert!(!place.path("idle.wasm").exists() && !place.path("it").exists());
    let mut after = names_in(&place.path("several/idle"));
    after.retain(|name| name != "Cargo.lock");
    assert_eq!(after, before);
}

const SEVERAL: &str = "use wudf_guest::udf;\n\
    #[udf]\nfn upper(title: &str) -> String { title.to_uppercase() }\n\
    #[udf]\nfn length(title: &str) -> u32 { title.len() as u32 }\n\
    wudf_guest::plugin!(upper, length);\n";

/// A crate of two functions: what is advised works, on the command line and in the manifest.
#[test]
fn one_of_several_functions_is_chosen() {
    let place = Place::new();
    place.run("", "new two").ends_with(0);
    fs::write(place.path("two/src/lib.rs"), SEVERAL).unwrap();
    let file = place.run("two", "build --quiet -o two.wasm").ends_with(0);
    assert_eq!(file.text(), "two.wasm\n");
    place.run("two", "build --quiet").ends_with(0);

    let built = target().join("wudf/two.wasm");
    for line in ["run".to_owned(), "run two.wasm example.csv".to_owned()] {
        let said = place.run("two", &line).ends_with(3).stderr;
        let typed = match line.as_str() {
            "run" => built.to_str().unwrap(),
            _ => "two.wasm",
        };
        let advice =
            format!("two has several functions (upper, length): choose one, as in `{typed}:upper`");
        assert!(said.contains(&advice), "{said}");
        place
            .run("two", &format!("run {typed}:upper example.csv"))
            .ends_with(0);
        assert_eq!(
            said.contains("`wudf run --function NAME`"),
            line == "run",
            "{said}"
        );
    }
    let ran = place
        .run("two", "run --function length -o - --output-format csv")
        .ends_with(0);
    assert!(
        ran.text()
            .starts_with("id,title,length,error\n1,Hello World,11,"),
        "{}",
        ran.text()
    );
    let said = place
        .run("two", "run two.wasm:upper example.csv --function length")
        .ends_with(3);
    assert!(said.stderr.contains("name it once"), "{}", said.stderr);
    let said = place.run("two", "test").ends_with(3).stderr;
    assert!(said.contains("several functions"), "{said}");

    let manifest = place.path("two/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let more = "example = \"example.csv\"\nfunction = \"upper\"\n\n\
                [[package.metadata.wudf.tests]]\nname = \"lengths\"\nfunction = \"length\"\n";
    fs::write(&manifest, text.replace("example = \"example.csv\"\n", more)).unwrap();
    let ran = place
        .run("two", "run -o - --output-format csv")
        .ends_with(0);
    assert!(ran.text().contains("HELLO WORLD"), "{}", ran.text());
    // The template's output is that of another function; the second test has none.
    let mut story = Vec::new();
    let said = place.run("two", "test --quiet").ends_with(1);
    story.push(place.transcript(&said));
    let said = place.run("two", "test --bless").ends_with(0);
    story.push(place.transcript(&said));
    let said = place.run("two", "test").ends_with(0);
    story.push(place.transcript(&said));
    check("test_of_several_functions", &story.join("\n"));
    let lengths = fs::read_to_string(place.path("two/lengths.expected.ndjson")).unwrap();
    assert!(
        lengths.starts_with("{\"id\":1,\"title\":\"Hello World\",\"length\":11,"),
        "{lengths}"
    );
}

/// What `wudf new` writes of the SDK is what cargo would publish.
#[test]
fn the_vendored_sdk_is_the_published_one() {
    let place = Place::new();
    place.run("", "new it").ends_with(0);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for name in ["wudf-guest", "wudf-guest-macros"] {
        let output = Command::new(env!("CARGO"))
            .args([
                "package",
                "--list",
                "--allow-dirty",
                "--offline",
                "-p",
                name,
            ])
            .current_dir(root)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let mut published: Vec<String> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .filter(|file| !file.starts_with("tests/"))
            .filter(|file| {
                !["Cargo.toml.orig", "Cargo.lock", ".cargo_vcs_info.json"].contains(file)
            })
            .map(str::to_owned)
            .collect();
        let folder = place.path("it/sdk").join(name);
        let mut vendored: Vec<String> = walk(&folder)
            .iter()
            .map(|file| {
                file.strip_prefix(&folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            // The licence is the repository's, for both.
            .filter(|file| file != "LICENSE")
            .collect();
        published.retain(|file| file != "LICENSE");
        published.sort();
        vendored.sort();
        assert_eq!(vendored, published, "{name}");
    }
}

/// The files below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files
}

/// Tools that are not there are named, with what installs them.
#[cfg(unix)]
#[test]
fn what_is_not_installed_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    bare(&place, "idle", "pub fn f() {}\n");
    let rustc = place.path("rustc");
    fs::write(&rustc, "#!/bin/sh\necho /nowhere\n").unwrap();
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
    let build = |variable: &str, value: &Path| {
        let environment = environment(&place.path("home"));
        let run = wudf(&place.path("idle"), ["build"]);
        let run = environment
            .into_iter()
            .fold(run, |run, (name, value)| run.env(name, value));
        run.env(variable, value).run().ends_with(3).stderr
    };
    let said = build("RUSTC", &rustc);
    assert!(
        said.contains("run `rustup target add wasm32-wasip2`"),
        "{said}"
    );
    let said = build("CARGO", &place.path("no-cargo"));
    assert!(
        said.contains("cannot run cargo") && said.contains("rustup.rs"),
        "{said}"
    );
}

/// The SDK of a checkout, in place of a copy.
#[test]
fn a_checkout_can_be_named() {
    let place = Place::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let line = format!("new it --sdk {}", root.display());
    place.run("", &line).ends_with(0);
    assert!(!place.path("it/sdk").exists());
    let manifest = fs::read_to_string(place.path("it/Cargo.toml")).unwrap();
    let guest = root.join("guest/sdk").canonicalize().unwrap();
    assert!(manifest.contains(guest.to_str().unwrap()), "{manifest}");
}
