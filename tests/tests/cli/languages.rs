//! Plugins in each language, from `wudf new` to engines: the program, SQL and Python.
//!
//! A test whose language has no tools on this machine is skipped. What is compiled
//! is kept among the build's temporary files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wudf_test_support::{skipped, tool};
use wudf_tests::program::{Ran, alone, wudf};

use super::crates::{Place, environment};

/// A plugin that `wudf new` made.
struct Plugin {
    place: Place,
    /// The virtual environment that is active, for Python.
    environment: Option<PathBuf>,
    /// Whether the template has a row that fails.
    fails: bool,
}

impl Plugin {
    fn new(language: &str) -> Self {
        let place = Place::new();
        let line = format!("new hello --lang {language}");
        place.run("", &line).ends_with(0);
        Self {
            place,
            environment: None,
            fails: language != "rust",
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path("hello").join(name)
    }

    fn run<S: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Ran {
        let run = wudf(&self.place.path("hello"), words);
        let variables = environment(&self.place.path("home"));
        let active = self.environment.clone().map(|path| ("VIRTUAL_ENV", path));
        let variables = variables
            .into_iter()
            // Other languages build in their own folder, whatever cargo's is.
            .filter(|(name, _)| !self.fails || *name != "CARGO_TARGET_DIR")
            .chain(active);
        variables
            .fold(run, |run, (name, value)| run.env(name, value))
            .run()
    }

    fn line(&self, line: &str) -> Ran {
        self.run(line.split_whitespace())
    }

    /// Builds it, and gives the file; an error of the build is for the caller.
    fn build(&self) -> Result<PathBuf, String> {
        let ran = self.line("build");
        if ran.status != Some(0) {
            return Err(ran.stderr);
        }
        assert!(
            ran.stderr.ends_with("\n  slug(title: string) -> string\n"),
            "the functions are listed: {}",
            ran.stderr
        );
        Ok(self.path(ran.text().trim_end()))
    }

    /// The same rows everywhere.
    fn goes_everywhere(&self, file: &Path) {
        let expected = fs::read_to_string(self.path("example.expected.ndjson")).unwrap();
        let tested = self.line("test").ends_with(0);
        assert!(
            tested.stderr.contains("rows, as expected"),
            "{}",
            tested.stderr
        );

        // The build has left compiled code in the cache.
        let ran = self
            .line("run -o out.ndjson")
            .ends_with(i32::from(self.fails));
        assert!(!ran.stderr.contains("compiling"), "{}", ran.stderr);
        assert_eq!(
            fs::read_to_string(self.path("out.ndjson")).unwrap(),
            expected
        );

        let inspected = self.run(["inspect", file.to_str().unwrap()]).ends_with(0);
        for part in [
            "A wudf plugin: titles to slugs",
            "hello 0.1.0",
            "slug(title: string) -> string",
        ] {
            assert!(inspected.text().contains(part), "{}", inspected.text());
        }

        let sql = format!(
            "CREATE FUNCTION slug(title TEXT) LANGUAGE wasm AS '{}?on_error=record';
             SELECT id, title, slug(title)['value'] AS slug, slug(title)['error'] AS error FROM 'example.csv' ORDER BY id",
            file.display()
        );
        let selected = self
            .run(["sql", &sql, "-o", "-", "--format", "ndjson"])
            .ends_with(0);
        assert_eq!(selected.text(), expected);

        self.python(file, &expected);
    }

    fn python(&self, file: &Path, expected: &str) {
        let Some(python) = std::env::var_os("WUDF_TEST_PYTHON") else {
            return skipped(
                "WUDF_TEST_PYTHON names no Python with wudf in it (make test does): plugins of this language are not loaded there",
            );
        };
        let program = "import json, sys, wudf\n\
            slug = wudf.load(sys.argv[1], on_error='record')\n\
            rows = [json.loads(line) for line in open('example.expected.ndjson')]\n\
            for row, it in zip(rows, slug([row['title'] for row in rows]).to_pylist(), strict=True):\n\
            \x20   it = it or {'value': None, 'error': None}\n\
            \x20   print(json.dumps(row | {'slug': it['value'], 'error': it['error']}, separators=(',', ':')))\n";
        let mut command = Command::new(python);
        alone(&mut command).current_dir(self.place.path("hello"));
        let output = command.args(["-c", program]).arg(file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            said,
            expected,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Edits a file.
    fn replace(&self, name: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(old), "{name} has no {old}");
        fs::write(self.path(name), text.replace(old, new)).unwrap();
    }
}

/// Copies the files of a folder, and of those in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn rust() {
    let plugin = Plugin::new("rust");
    let file = plugin.build().unwrap();
    plugin.goes_everywhere(&file);
}

#[test]
fn python() {
    let mut plugin = Plugin::new("python");
    let said = plugin.build().unwrap_err();
    // Whatever is on the PATH of the machine that tests.
    if said.contains("componentize-py is not installed") {
        assert!(
            said.contains("run `pip install 'componentize-py==0.25.*'`"),
            "{said}"
        );
    }
    let found = tool(
        "WUDF_TEST_COMPONENTIZE_PY",
        "componentize-py",
        "plugins in Python are not built",
    );
    let Some(found) = found else { return };
    plugin.environment = found.ancestors().nth(2).map(Path::to_owned);
    let file = plugin.build().unwrap();
    plugin.goes_everywhere(&file);
}

#[test]
fn javascript() {
    if tool(
        "WUDF_TEST_NODE",
        "node",
        "plugins in JavaScript are not built",
    )
    .is_none()
    {
        return;
    }
    let plugin = Plugin::new("js");
    let said = plugin.build().unwrap_err();
    assert!(
        said.contains("@bytecodealliance/componentize-js is not installed: run `npm install` in"),
        "{said}"
    );
    // The package's manifest.
    let Some(package) = std::env::var_os("WUDF_TEST_COMPONENTIZE_JS").map(PathBuf::from) else {
        return skipped(
            "WUDF_TEST_COMPONENTIZE_JS does not name the package.json of componentize-js (make test does): plugins in JavaScript are not built",
        );
    };
    // node_modules/@bytecodealliance/componentize-js/package.json
    let modules = package.ancestors().nth(3).unwrap();
    std::os::unix::fs::symlink(modules, plugin.path("node_modules")).unwrap();
    let file = plugin.build().unwrap();
    plugin.goes_everywhere(&file);
}

#[test]
fn c() {
    let plugin = Plugin::new("c");
    let file = match plugin.build() {
        Ok(file) => file,
        Err(said) if said.contains("run `apt install clang lld wasi-libc") => {
            return skipped("clang cannot compile for wasm32-wasi: plugins in C are not built");
        }
        Err(said) => panic!("{said}"),
    };
    plugin.goes_everywhere(&file);

    // What the author gets wrong is told with the compiler's words, and with ours.
    plugin.replace("plugin.c", "size_t length = 0;", "size_t length = nothing;");
    let said = plugin.build().unwrap_err();
    assert!(
        said.contains("plugin.c:") && said.contains("nothing"),
        "{said}"
    );
    plugin.replace("plugin.c", "size_t length = nothing;", "size_t length = 0;");
    plugin.replace(
        "wit/plugin.wit",
        "export slug",
        "export other: func() -> string;\n    export slug",
    );
    let said = plugin.build().unwrap_err();
    assert!(said.contains("exports_plugin_other"), "{said}");
    plugin.replace(
        "wit/plugin.wit",
        "export other: func() -> string;\n    export slug",
        "exprot slug",
    );
    let said = plugin.build().unwrap_err();
    assert!(
        said.contains("the WIT in") && said.contains("plugin.wit:6:"),
        "{said}"
    );
    plugin.replace("wit/plugin.wit", "exprot slug", "export slug");
    plugin.replace("wudf.toml", "language = \"c\"", "language = \"cobol\"");
    let said = plugin.build().unwrap_err();
    assert!(
        said.contains("wudf.toml is not valid") && said.contains("cobol"),
        "{said}"
    );
    plugin.replace("wudf.toml", "language = \"cobol\"", "language = \"c\"");

    // An export that is no function of rows is named.
    plugin.replace(
        "wit/plugin.wit",
        "export slug",
        "export idle: func();\n    export slug",
    );
    plugin.replace(
        "plugin.c",
        "#include \"plugin.h\"",
        "#include \"plugin.h\"\nvoid exports_plugin_idle(void) {}",
    );
    let said = plugin.line("build").ends_with(0).stderr;
    assert!(
        said.contains("warning: idle is not a function of rows: "),
        "{said}"
    );
    plugin.replace(
        "wit/plugin.wit",
        "export idle: func();\n    export slug",
        "export slug",
    );
    plugin.replace("plugin.c", "void exports_plugin_idle(void) {}", "");

    // A test that differs, and one that is accepted.
    plugin.replace("plugin.c", "'-'", "'_'");
    let said = plugin.line("test").ends_with(1).stderr;
    for line in [
        "\"slug\":\"hello-world\"",
        "\"slug\":\"hello_world\"",
        "`wudf test --bless`",
    ] {
        assert!(said.contains(line), "{said}");
    }
    plugin.line("test --bless").ends_with(0);
    plugin.line("test").ends_with(0);
    fs::remove_file(plugin.path("example.expected.ndjson")).unwrap();
    let said = plugin.line("test").ends_with(1).stderr;
    assert!(
        said.contains("example.expected.ndjson does not exist"),
        "{said}"
    );
}

/// `wit/README.md` is enough to write a plugin of columns by hand.
#[test]
fn c_columns_without_an_sdk() {
    let place = Place::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = place.path("columnar");
    copy(&root.join("plugins/columnar"), &folder);
    let contract = root.with_file_name("wit");
    copy(&contract.join("deps"), &folder.join("wit/deps"));
    fs::create_dir(folder.join("wit/deps/wudf")).unwrap();
    let wit = "wit/deps/wudf/wudf.wit";
    fs::copy(contract.join("wudf.wit"), folder.join(wit)).unwrap();
    let run = |words: &[&str]| {
        let run = wudf(&folder, words).env("HOME", place.path("home"));
        run.env("PATH", std::env::var_os("PATH").unwrap()).run()
    };

    let built = run(&["build"]);
    if built
        .stderr
        .contains("run `apt install clang lld wasi-libc")
    {
        return skipped("clang cannot compile for wasm32-wasi: plugins in C are not built");
    }
    let functions = "  plus(a: int64, b: int64) -> int64\n  starts_with(text: string, prefix: string) -> bool\n";
    assert!(built.stderr.ends_with(functions), "{}", built.stderr);
    assert_eq!(built.status, Some(0));

    let rows = "id,a,b,text,prefix\n1,1,2,hello,he\n2,9223372036854775807,1,hello,el\n3,,4,,x\n4,-5,5,héllo,hé\n5,-9223372036854775808,0,,\n";
    fs::write(folder.join("in.csv"), rows).unwrap();
    let file = "target/wudf/columnar.wasm";
    let plus = run(&["run", &format!("{file}:plus"), "in.csv", "-o", "out.ndjson"]).ends_with(1);
    assert!(
        plus.stderr
            .contains("in.csv, row 2: the sum does not fit into 64 bits"),
        "{}",
        plus.stderr
    );
    let sums: Vec<serde_json::Value> = fs::read_to_string(folder.join("out.ndjson"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["plus"].clone())
        .collect();
    assert_eq!(
        serde_json::Value::from(sums),
        serde_json::json!([3, null, null, 0, i64::MIN])
    );

    // Columns, and constants on either side.
    let sql = format!(
        "CREATE FUNCTION starts(text TEXT, prefix TEXT) LANGUAGE wasm AS '{file}:starts_with';
         SELECT id, starts(text, prefix) AS both, starts(text, 'he') AS constant, starts('hello', prefix) AS other
         FROM 'in.csv' ORDER BY id"
    );
    let found = run(&["sql", &sql, "-o", "-", "--format", "ndjson"]).ends_with(0);
    assert_eq!(
        found.text(),
        "{\"id\":1,\"both\":true,\"constant\":true,\"other\":true}\n\
         {\"id\":2,\"both\":false,\"constant\":true,\"other\":false}\n\
         {\"id\":3,\"both\":null,\"constant\":null,\"other\":false}\n\
         {\"id\":4,\"both\":true,\"constant\":false,\"other\":false}\n\
         {\"id\":5,\"both\":null,\"constant\":null,\"other\":null}\n"
    );
}
