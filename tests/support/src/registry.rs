//! A real registry for a test: Debian's `docker-registry`, on loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::tool;

/// What a registry asks of its clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wants {
    /// A name and a password: `user` and `secret`.
    pub password: bool,
    /// TLS, with a certificate for 127.0.0.1 by an authority of its own.
    pub tls: bool,
}

// bcrypt of `secret`, cost 4.
const HTPASSWD: &str = "user:$2a$04$8IJJdHaxAppwmWPYFvkNmOv.v.Tos3GVSjIAhrIvo8P5Si2Oouzra\n";

/// A registry that ends with the test.
#[derive(Debug)]
pub struct DockerRegistry {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl DockerRegistry {
    /// Starts one. `None` where `docker-registry` is not installed, or `openssl` for a certificate; the test is then recorded as
    /// skipped.
    ///
    /// # Panics
    /// When it is installed and does not start.
    pub fn start(wants: Wants) -> Option<Self> {
        let program = tool(
            "WUDF_TEST_DOCKER_REGISTRY",
            "docker-registry",
            "docker-registry is not installed",
        )?;
        if wants.tls {
            tool("WUDF_TEST_OPENSSL", "openssl", "openssl is not installed")?;
        }
        // Another process may take the port before the registry does.
        (0..5)
            .find_map(|_| Self::try_start(&program, wants))
            .or_else(|| panic!("docker-registry does not start"))
    }

    fn try_start(program: &Path, wants: Wants) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = free.local_addr().expect("a port");
        drop(free);
        let write = |name: &str, text: &str| {
            fs::write(at.join(name), text).expect("the configuration can be written");
        };
        let mut config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {:?}}}, delete: {{enabled: true}}}}\n",
            at.join("data")
        );
        if wants.password {
            write("htpasswd", HTPASSWD);
            config += &format!(
                "auth: {{htpasswd: {{realm: test, path: {:?}}}}}\n",
                at.join("htpasswd")
            );
        }
        config += &format!("http:\n  addr: \"{address}\"\n");
        if wants.tls {
            certificate(at);
            config += &format!(
                "  tls: {{certificate: {:?}, key: {:?}}}\n",
                at.join("server.pem"),
                at.join("server.key")
            );
        }
        write("config.yml", &config);
        let log = fs::File::create(at.join("log")).expect("a log file");
        let process = Command::new(program)
            .arg("serve")
            .arg(at.join("config.yml"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("docker-registry can be started");
        // From here on the process ends with this value.
        let mut registry = Self {
            process,
            address,
            folder,
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let ended = registry.process.try_wait().expect("it can be asked");
            if ended.is_some() {
                let log = registry.folder.path().join("log");
                eprintln!("{}", fs::read_to_string(log).unwrap_or_default());
                return None;
            }
            if TcpStream::connect(address).is_ok() {
                return Some(registry);
            }
            thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Ends it before the test does.
    pub fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// `oci://127.0.0.1:PORT/NAME`.
    pub fn reference(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.address)
    }

    /// The file in which the registry keeps a blob or manifest, by its digest.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        let data = self.folder.path().join("data/docker/registry/v2");
        data.join("blobs/sha256")
            .join(hex.get(..2).unwrap_or_default())
            .join(hex)
            .join("data")
    }

    /// The certificate of the authority that has signed a registry's with TLS.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a certificate authority, and a certificate for 127.0.0.1, in the folder.
fn certificate(at: &Path) {
    let openssl = |arguments: &str| {
        let program = std::env::var_os("WUDF_TEST_OPENSSL").unwrap_or("openssl".into());
        let done = Command::new(program)
            .args(arguments.split(' '))
            .current_dir(at)
            .output()
            .expect("openssl can be started");
        assert!(done.status.success(), "openssl {arguments}: {done:?}");
    };
    fs::write(
        at.join("san"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n",
    )
    .expect("the folder can be written");
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
}
