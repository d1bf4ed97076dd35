//! The program `wudf`, run as its users run it.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

/// The built program, beside the test that runs.
///
/// # Panics
/// When it was not built.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let name = format!("wudf{}", std::env::consts::EXE_SUFFIX);
        let program = release().join(name);
        assert!(
            program.is_file(),
            "{} is not there: run `cargo build --release --workspace` first (make test does)",
            program.display()
        );
        program
    })
}

/// The folder of the built programs and libraries: the one above `deps`, where
/// tests lie.
///
/// # Panics
/// When tests lie elsewhere.
pub fn release() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("it lies in target/release/deps");
    folder.to_owned()
}

/// A run of the program that is yet to begin.
#[derive(Debug)]
pub struct Wudf {
    command: Command,
    stdin: Vec<u8>,
}

/// The program with these arguments, in a folder.
///
/// It finds no ONNX Runtime, knows no colours and keeps what it compiles among
/// the build's temporary files, whatever the environment of the test says.
pub fn wudf<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Wudf {
    piped(Command::new(program()), folder, arguments)
}

/// As [`wudf`], to send signals to: it takes them also where the test was started to ignore
/// some, as everything is that a script runs in its background.
pub fn wudf_with_signals<S: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Wudf {
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal=HUP,INT,TERM").arg(program());
    piped(command, folder, arguments)
}

fn piped<S: AsRef<OsStr>>(
    mut command: Command,
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Wudf {
    command.args(arguments).current_dir(folder);
    alone(&mut command)
        .env("PATH", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Wudf {
        command,
        stdin: Vec::new(),
    }
}

/// Takes from a command what the environment of the test may say, and gives it
/// the cache that tests have.
pub fn alone(command: &mut Command) -> &mut Command {
    let cache = release().with_file_name("tmp").join("wudf-cache");
    command.env("XDG_CACHE_HOME", cache);
    // Nobody's policy counts here.
    command.env("XDG_CONFIG_HOME", release().with_file_name("no-config"));
    for name in [
        "WUDF_POLICY",
        "WUDF_LOCK",
        "WUDF_STORE",
        "WUDF_REGISTRY",
        "WUDF_REGISTRY_USERNAME",
        "WUDF_REGISTRY_PASSWORD",
        "DOCKER_CONFIG",
        "REGISTRY_AUTH_FILE",
        "SOURCE_DATE_EPOCH",
        "WUDF_ONNXRUNTIME",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command
}

impl Wudf {
    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What the program reads from stdin.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Runs the program to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(self) -> Ran {
        let Self { mut command, stdin } = self;
        let mut child = command.spawn().expect("the program can be started");
        let mut pipe = child.stdin.take().expect("stdin is a pipe");
        // On a thread of its own: the program may write before it has read all.
        // It need not read at all, and then the pipe breaks.
        let feeder = thread::spawn(move || drop(pipe.write_all(&stdin)));
        let output = child.wait_with_output().expect("the program ends");
        feeder.join().expect("the feeder does not panic");
        Ran {
            arguments: command
                .get_args()
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
            status: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("what is said is UTF-8"),
        }
    }

    /// Starts the program and leaves it to the test, with pipes as its stdin,
    /// stdout and stderr.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut self) -> Child {
        self.command.spawn().expect("the program can be started")
    }
}

/// A run of the program that is over.
#[derive(Debug)]
pub struct Ran {
    /// The command line, without the program's name.
    pub arguments: Vec<String>,
    /// The exit status; none after a signal.
    pub status: Option<i32>,
    /// Data.
    pub stdout: Vec<u8>,
    /// Talk.
    pub stderr: String,
}

impl Ran {
    /// Stdout as text.
    ///
    /// # Panics
    /// When it is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }

    /// The run, after checking how it ended.
    ///
    /// # Panics
    /// When it ended otherwise.
    #[track_caller]
    pub fn ends_with(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{}", self.transcript());
        self
    }

    /// The run as somebody at a terminal saw it: for golden files.
    pub fn transcript(&self) -> String {
        let mut text = format!("$ wudf {}\n", self.arguments.join(" "));
        let stdout = String::from_utf8_lossy(&self.stdout);
        for (name, said) in [("stdout", stdout.as_ref()), ("stderr", &self.stderr)] {
            if !said.is_empty() {
                let _ = writeln!(text, "-- {name}\n{}", said.trim_end_matches('\n'));
            }
        }
        match self.status {
            Some(status) => writeln!(text, "-- exit status {status}"),
            None => writeln!(text, "-- ended by a signal"),
        }
        .expect("a string takes everything");
        text
    }
}

/// The names in a folder, hidden ones too, sorted.
///
/// # Panics
/// When the folder cannot be read.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry can be read")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}
