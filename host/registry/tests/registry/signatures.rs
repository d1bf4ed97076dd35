//! Our signatures and those of others: openssl and skopeo verify what we sign,
//! and we verify what they sign.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use wudf_registry::key::{PrivateKey, PublicKey};
use wudf_registry::policy::Policy;
use wudf_registry::signature::{self, Format, read_file, sign_file, verify_bytes};
use wudf_registry::{ErrorKind, Reference, Registry, Settings};
use wudf_test_support::registry::{DockerRegistry, Wants};
use wudf_test_support::{skipped, tool};

use crate::common::digest;

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

#[test]
fn openssl_and_we_agree() {
    let Some(program) = tool(
        "WUDF_TEST_OPENSSL",
        "openssl",
        "our signatures are not compared with its own",
    ) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let openssl = || {
        let mut command = Command::new(&program);
        command.current_dir(folder.path());
        command
    };
    fs::write(at("plugin.wasm"), b"\0asm").unwrap();

    // What we sign.
    let key = PrivateKey::generate().unwrap();
    fs::write(at("our.pub"), key.public().to_pem()).unwrap();
    sign_file(&at("plugin.wasm"), &key).unwrap();
    run(openssl().args([
        "base64",
        "-d",
        "-A",
        "-in",
        "plugin.wasm.sig",
        "-out",
        "raw",
    ]));
    let verify = ["dgst", "-sha256", "-verify", "our.pub", "-signature", "raw"];
    run(openssl().args(verify).arg("plugin.wasm"));
    fs::write(at("other.wasm"), b"\0asM").unwrap();
    let output = openssl().args(verify).arg("other.wasm").output().unwrap();
    assert!(!output.status.success());

    // What openssl signs, with a key that openssl makes; often enough that both
    // halves of the signatures come about.
    let p256 = [
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ];
    run(openssl().args(p256).args(["-out", "their.key"]));
    run(openssl().args(["pkey", "-in", "their.key", "-pubout", "-out", "their.pub"]));
    let public = PublicKey::from_pem(&fs::read_to_string(at("their.pub")).unwrap()).unwrap();
    let private = PrivateKey::from_pem(&fs::read_to_string(at("their.key")).unwrap(), "").unwrap();
    assert_eq!(private.public(), public);
    let sign = ["dgst", "-sha256", "-sign", "their.key", "-out"];
    for _ in 0..16 {
        run(openssl()
            .args(sign)
            .args(["plugin.wasm.sig", "plugin.wasm"]));
        let bare = read_file(&at("plugin.wasm")).unwrap();
        run(openssl().args(["base64", "-in", "plugin.wasm.sig", "-out", "text"]));
        fs::rename(at("text"), at("plugin.wasm.sig")).unwrap();
        assert_eq!(read_file(&at("plugin.wasm")).unwrap(), bare);
        let keys = [key.public(), public.clone()];
        assert_eq!(verify_bytes(b"\0asm", &bare, &keys), Some(public.clone()));
        assert_eq!(verify_bytes(b"\0asM", &bare, &keys), None);
    }
}

/// A registry, and as much of its protocol as pushes a plugin without our client.
struct Docker(DockerRegistry);

impl Docker {
    fn start() -> Option<Self> {
        DockerRegistry::start(Wants::default()).map(Self)
    }

    fn host(&self) -> String {
        self.0.host()
    }

    /// A status, the headers in lower case, and the body.
    fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.host()).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: {OCI_MANIFEST}, {OCI_INDEX}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.host(),
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head[9..12].parse().unwrap();
        (status, head, answer[end + 4..].to_vec())
    }

    fn put_blob(&self, repository: &str, blob: &[u8]) -> String {
        let uploads = format!("/v2/{repository}/blobs/uploads/");
        let (status, head, _) = self.ask("POST", &uploads, "", b"");
        assert_eq!(status, 202, "{head}");
        let location = head
            .lines()
            .find_map(|line| line.strip_prefix("Location: "))
            .unwrap();
        let path = &location[location.find("/v2/").unwrap()..];
        let digest = digest(blob);
        let path = format!("{path}&digest={digest}");
        let (status, head, _) = self.ask("PUT", &path, "application/octet-stream", blob);
        assert_eq!(status, 201, "{head}");
        digest
    }

    fn put_manifest(&self, repository: &str, name: &str, manifest: &[u8]) {
        let path = format!("/v2/{repository}/manifests/{name}");
        let (status, head, body) = self.ask("PUT", &path, OCI_MANIFEST, manifest);
        assert_eq!(status, 201, "{head} {}", String::from_utf8_lossy(&body));
    }

    /// A plugin, as any tool pushes it, under the tag `1.0`.
    fn push(&self, repository: &str) -> Reference {
        let config = br#"{"architecture":"wasm","os":"wasip2"}"#;
        let component = b"\0asm\x0d\0\x01\0";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.wasm.config.v0+json",
                "digest": self.put_blob(repository, config),
                "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/wasm",
                "digest": self.put_blob(repository, component),
                "size": component.len(),
            }],
        })
        .to_string();
        self.put_manifest(repository, "1.0", manifest.as_bytes());
        let digest = digest(manifest.as_bytes());
        format!("oci://{}/{repository}@{digest}", self.host())
            .parse()
            .unwrap()
    }
}

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn client(folder: &Path, offline: bool) -> Registry {
    let mut settings = Settings::default();
    settings.store = Some(folder.join("store"));
    settings.offline = offline;
    Registry::new(settings).unwrap()
}

#[test]
fn what_was_checked_once_runs_without_the_registry() {
    let Some(registry) = Docker::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let plugin = registry.push("team/slug");
    let client = |offline: bool| client(folder.path(), offline);
    let policy = |key: &PrivateKey| {
        fs::write(at("one.pub"), key.public().to_pem()).unwrap();
        fs::write(at("policy.toml"), "require = ['one.pub']").unwrap();
        Policy::read(&at("policy.toml")).unwrap()
    };
    let check = |policy: &Policy, client: &Registry| {
        policy.check_reference(&client.local(), &client.remote(), &plugin)
    };
    let (one, two, other) = (
        PrivateKey::generate().unwrap(),
        PrivateKey::generate().unwrap(),
        PrivateKey::generate().unwrap(),
    );
    let error = check(&policy(&one), &client(false)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("has no signature"), "{error}");

    // Signed elsewhere: this store has not seen it.
    let elsewhere = tempfile::tempdir().unwrap();
    for key in [&one, &two] {
        let there = self::client(elsewhere.path(), false);
        signature::sign(&there.remote(), &plugin, key).unwrap();
    }
    for key in [&one, &two] {
        check(&policy(key), &client(false)).unwrap();
    }
    let error = check(&policy(&other), &client(false)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    let says = "has 2 signatures, but none by such a key";
    assert!(error.to_string().contains(says), "{error}");

    drop(registry);
    for key in [&one, &two] {
        check(&policy(key), &client(true)).unwrap();
        check(&policy(key), &client(false)).unwrap();
    }
    assert!(check(&policy(&other), &client(true)).is_err());
}

#[test]
fn skopeo_and_we_agree() {
    let what = "our signatures are not compared with its own";
    let Some(program) = tool("WUDF_TEST_SKOPEO", "skopeo", what) else {
        return;
    };
    let Some(registry) = Docker::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let repository = "team/slug";

    let client = client(folder.path(), false);
    let plugin = registry.push(repository);
    let digest = plugin.digest().unwrap();

    let (ours, theirs, other) = (
        PrivateKey::generate().unwrap(),
        PrivateKey::generate().unwrap(),
        PrivateKey::generate().unwrap(),
    );
    fs::create_dir(at("registries.d")).unwrap();
    let attachments = format!(
        "docker: {{'{}': {{use-sigstore-attachments: true}}}}\n",
        registry.host()
    );
    fs::write(at("registries.d/registry.yaml"), attachments).unwrap();
    let skopeo = |policy: &str, arguments: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(["--policy", &at(policy).display().to_string()])
            .args(["--registries.d", &at("registries.d").display().to_string()])
            .args(["copy", "--src-tls-verify=false", "--dest-tls-verify=false"])
            .args(arguments);
        command
    };
    let accepts = |key: &PrivateKey| {
        fs::write(at("key.pub"), key.public().to_pem()).unwrap();
        let policy = json!({
            "default": [{"type": "reject"}],
            "transports": {"docker": {format!("{}/{repository}", registry.host()): [{
                "type": "sigstoreSigned",
                "keyPath": at("key.pub"),
                "signedIdentity": {"type": "matchRepository"},
            }]}},
        });
        fs::write(at("strict.json"), policy.to_string()).unwrap();
        let source = format!("docker://{}/{repository}@{digest}", registry.host());
        let target = tempfile::tempdir().unwrap();
        let target = format!("dir:{}", target.path().display());
        let output = skopeo("strict.json", &[&source, &target]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };
    let (fine, said) = accepts(&ours);
    assert!(!fine, "{said}");

    // Skopeo signs, with a key file of ours, and we verify.
    fs::write(at("their.key"), theirs.to_pem("secret").unwrap()).unwrap();
    fs::write(at("passphrase"), "secret\n").unwrap();
    fs::write(
        at("open.json"),
        r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
    )
    .unwrap();
    let sign = |target: &str| {
        let mut command = skopeo("open.json", &["--preserve-digests"]);
        command
            .arg("--sign-by-sigstore-private-key")
            .arg(at("their.key"))
            .arg("--sign-passphrase-file")
            .arg(at("passphrase"))
            .arg(format!("docker://{}/{repository}:1.0", registry.host()))
            .arg(format!(
                "docker://{}/{repository}:{target}",
                registry.host()
            ));
        command
    };
    let said = sign("signed").output().unwrap().stderr;
    if String::from_utf8_lossy(&said).contains("sigstore disabled") {
        skipped(
            "skopeo is built without sigstore, as Debian's is: our signatures are not compared with its own (WUDF_TEST_SKOPEO may name another)",
        );
        return;
    }
    run(&mut sign("signed"));
    let verified =
        |key: &PrivateKey| signature::verify(&client.remote(), &plugin, &[key.public()]).unwrap();
    assert_eq!(verified(&theirs), Some(theirs.public()));
    assert_eq!(verified(&ours), None);

    // A key that skopeo makes, as cosign does.
    run(Command::new(&program)
        .current_dir(folder.path())
        .args(["generate-sigstore-key", "--output-prefix", "made"])
        .args(["--passphrase-file", "passphrase"]));
    let made = |name: &str| fs::read_to_string(at(name)).unwrap();
    let key = PrivateKey::from_pem(&made("made.private"), "secret").unwrap();
    assert_eq!(
        key.public(),
        PublicKey::from_pem(&made("made.pub")).unwrap()
    );
    assert!(PrivateKey::from_pem(&made("made.private"), "Secret").is_err());

    // We add ours; skopeo verifies both.
    signature::sign(&client.remote(), &plugin, &ours).unwrap();
    for key in [&ours, &theirs] {
        assert_eq!(verified(key), Some(key.public()));
        let (fine, said) = accepts(key);
        assert!(fine, "{said}");
    }
    assert_eq!(verified(&other), None);
    let (fine, said) = accepts(&other);
    assert!(!fine, "{said}");

    let found = signature::list(&client.remote(), &plugin).unwrap();
    assert!(found.len() >= 2);
    assert!(
        found
            .iter()
            .all(|found| found.format == Format::SimpleSigning && found.of_this)
    );

    // Skopeo adds to what we have signed.
    let before = found.len();
    run(&mut sign("again"));
    assert_eq!(verified(&ours), Some(ours.public()));
    assert!(signature::list(&client.remote(), &plugin).unwrap().len() >= before);
}
