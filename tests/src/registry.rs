//! A real registry for a test: Debian's `docker-registry`, on loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::skipped;

/// A registry that ends with the test.
pub struct DockerRegistry {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl DockerRegistry {
    /// Starts one; says that the test is skipped where the program is not installed.
    ///
    /// # Panics
    /// When it is installed and does not start.
    pub fn start() -> Option<Self> {
        let installed = Command::new("docker-registry")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !installed {
            skipped(
                "docker-registry is not installed (Debian has it), so there is no registry to test against",
            );
            return None;
        }
        // Somebody else may take the port before the registry does.
        (0..5)
            .find_map(|_| Self::try_start())
            .or_else(|| panic!("docker-registry does not start"))
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = free.local_addr().expect("a port");
        drop(free);
        let config = folder.path().join("config.yml");
        let store = folder.path().join("store");
        fs::write(
            &config,
            format!(
                "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
                 storage: {{filesystem: {{rootdirectory: {store:?}}}, delete: {{enabled: true}}}}\n\
                 http: {{addr: \"{address}\"}}\n"
            ),
        )
        .expect("the configuration can be written");
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it was there before");
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if process.try_wait().expect("it can be asked").is_some() {
                return None;
            }
            if TcpStream::connect(address).is_ok() {
                return Some(Self {
                    process,
                    address,
                    _folder: folder,
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = process.kill();
        None
    }

    /// Ends it before the test does.
    pub fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Puts the signatures of one manifest where those of another belong; both
    /// are references by digest.
    ///
    /// # Panics
    /// When there are none.
    pub fn copy_signatures(&self, from: &str, to: &str) {
        let place = |reference: &str| {
            let (_, path) = reference.split_once("://").expect("a reference");
            let (repository, digest) = path.split_once('@').expect("a digest");
            let (host, repository) = repository.split_once('/').expect("a repository");
            let tag = format!("{}.sig", digest.replace(':', "-"));
            format!("http://{host}/v2/{repository}/manifests/{tag}")
        };
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let found = ureq::get(place(from)).header("Accept", kind).call();
        let manifest = found.and_then(|mut found| found.body_mut().read_to_vec());
        let manifest = manifest.expect("there are signatures");
        ureq::put(place(to))
            .content_type(kind)
            .send(&manifest)
            .expect("the registry takes them");
    }

    /// `oci://HOST:PORT/` and the name.
    pub fn reference(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.address)
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}
