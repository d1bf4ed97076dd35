//! What the tests share: components, stores, Debian's registry.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use wudf_registry::{Reference, Registry, Settings};

/// A component with some bytes of its own.
pub fn component(seed: &str, len: usize) -> Vec<u8> {
    let mut bytes = wat::parse_str(
        r#"(component (import "wasi:io/poll@0.2.0" (instance $i))
            (export "wudf:plugin/functions@0.1.0" (instance $i)))"#,
    )
    .unwrap();
    // What does not compress or repeat, so that no piece is another.
    let mut filling = Vec::new();
    let mut block = Sha256::digest(seed.as_bytes());
    while filling.len() < len {
        filling.extend(block);
        block = Sha256::digest(block);
    }
    filling.truncate(len);
    let mut section = vec![4];
    section.extend(b"fill");
    section.extend(filling);
    bytes.push(0);
    bytes.extend(leb(section.len()));
    bytes.extend(section);
    bytes
}

fn leb(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (n & 0x7f) as u8;
        n >>= 7;
        bytes.push(if n > 0 { low | 0x80 } else { low });
        if n == 0 {
            return bytes;
        }
    }
}

pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

pub fn settings(store: &Path) -> Settings {
    let mut settings = Settings::default();
    settings.store = Some(store.to_owned());
    settings.backoff = Duration::from_millis(1);
    settings
}

pub fn registry(store: &Path) -> Registry {
    Registry::new(settings(store)).unwrap()
}

pub fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// Every blob in a store is what its name says, and everything that is not a
/// blob has its name from one.
pub fn walk(store: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let blobs = store.join("blobs").join("sha256");
    for entry in fs::read_dir(blobs).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(digest(&bytes), format!("sha256:{name}"), "a wrong blob");
        found.insert(format!("sha256:{name}"), bytes.len() as u64);
    }
    for entry in fs::read_dir(store.join("models")).into_iter().flatten() {
        for file in fs::read_dir(entry.unwrap().path()).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            assert!(found.contains_key(&digest(&bytes)), "a wrong model");
        }
    }
    // Nothing beside them but what belongs there.
    for entry in fs::read_dir(store).into_iter().flatten() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = ["blobs", "lock", "models", "partial", "repositories"];
        assert!(known.contains(&name.as_str()), "{name} in the store");
    }
    found
}

/// Past the capture of the test harness: what is skipped must be seen.
pub fn skipped(why: &str) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(std::io::stderr().lock(), "skipped: {name}: {why}");
}

pub fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// Debian's `docker-registry` on loopback, which ends with this.
pub struct Docker {
    process: Child,
    pub host: String,
    pub folder: TempDir,
}

#[derive(Default)]
pub struct Wants {
    /// A name and password: `user`, `secret`.
    pub password: bool,
    pub tls: bool,
}

// bcrypt of `secret`, cost 4.
const HTPASSWD: &str = "user:$2a$04$8IJJdHaxAppwmWPYFvkNmOv.v.Tos3GVSjIAhrIvo8P5Si2Oouzra\n";

impl Docker {
    /// `None` where the program is missing, which is said.
    pub fn start(wants: &Wants) -> Option<Self> {
        let Some(program) = program("docker-registry") else {
            skipped("no docker-registry on the PATH");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let at = folder.path();
        let tls = match wants.tls {
            false => String::new(),
            true => {
                if !certificate(at) {
                    return None;
                }
                format!(
                    "  tls:\n    certificate: {0}/server.pem\n    key: {0}/server.key\n",
                    at.display()
                )
            }
        };
        let auth = match wants.password {
            false => String::new(),
            true => {
                fs::write(at.join("htpasswd"), HTPASSWD).unwrap();
                format!(
                    "auth:\n  htpasswd:\n    realm: test\n    path: {}/htpasswd\n",
                    at.display()
                )
            }
        };
        // The port is free when it is looked for; another may be faster.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let config = format!(
                "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}/data\n{auth}http:\n  addr: 127.0.0.1:{port}\n{tls}",
                at.display()
            );
            fs::write(at.join("config.yml"), config).unwrap();
            let mut process = Command::new(&program)
                .arg("serve")
                .arg(at.join("config.yml"))
                .stdout(Stdio::null())
                .stderr(fs::File::create(at.join("log")).unwrap())
                .spawn()
                .unwrap();
            while process.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self {
                        process,
                        host: format!("127.0.0.1:{port}"),
                        folder,
                    });
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        let log = fs::read_to_string(at.join("log")).unwrap_or_default();
        panic!("docker-registry does not start: {log}");
    }

    pub fn reference(&self, rest: &str) -> Reference {
        reference(&format!("{}/{rest}", self.host))
    }

    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A certificate authority and a certificate for 127.0.0.1.
fn certificate(at: &Path) -> bool {
    if program("openssl").is_none() {
        skipped("no openssl on the PATH");
        return false;
    }
    let openssl = |arguments: &str| {
        let done = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(at)
            .output()
            .unwrap();
        assert!(done.status.success(), "openssl {arguments}: {done:?}");
    };
    fs::write(
        at.join("san"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n",
    )
    .unwrap();
    let curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {curve} -keyout ca.key -out ca.pem -subj /CN=test-authority -days 2"
    ));
    openssl(&format!(
        "req {curve} -keyout server.key -out server.csr -subj /CN=127.0.0.1"
    ));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem",
    );
    true
}

/// This test program again, as another process; see `processes::another`.
pub fn child(doing: &str, store: &Path, reference: &Reference) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "processes::another", "--nocapture"])
        .env("WUDF_TEST_CHILD", doing)
        .env("WUDF_TEST_STORE", store)
        .env("WUDF_TEST_REFERENCE", reference.to_string())
        .env("DOCKER_CONFIG", store.join("no-docker-config"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in [
        "WUDF_REGISTRY",
        "WUDF_REGISTRY_USERNAME",
        "WUDF_REGISTRY_PASSWORD",
        "REGISTRY_AUTH_FILE",
        "SOURCE_DATE_EPOCH",
    ] {
        command.env_remove(name);
    }
    command
}

/// What a child says it did.
pub fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.lines().find_map(|line| line.split_once("child: "));
    match said {
        Some((_, said)) => said.to_owned(),
        None => panic!("the child said nothing: {output:?}"),
    }
}
