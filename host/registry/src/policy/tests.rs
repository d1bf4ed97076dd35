use std::fs;

use super::*;
use crate::key::{PrivateKey, sha256};
use crate::signature::tests::{Memory, key, plugin};
use crate::signature::{read_file, sign, sign_file};

struct Setting {
    folder: tempfile::TempDir,
    team: PrivateKey,
    acme: PrivateKey,
}

impl Setting {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (team, acme) = (key(), key());
        for (name, key) in [("team.pub", &team), ("acme.pub", &acme)] {
            fs::write(folder.path().join(name), key.public().to_pem()).unwrap();
        }
        fs::write(folder.path().join("team.key"), team.to_pem("").unwrap()).unwrap();
        Self { folder, team, acme }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn try_read(&self, text: &str) -> Result<Policy> {
        fs::write(self.path("policy.toml"), text).unwrap();
        Policy::read(&self.path("policy.toml"))
    }

    fn read(&self, text: &str) -> Policy {
        self.try_read(text).unwrap()
    }
}

fn keys(policy: &Policy, what: &Subject<'_>) -> Option<Vec<PublicKey>> {
    match policy.wanted(what) {
        Wanted::Nothing => None,
        Wanted::Keys { keys, .. } => Some(keys.to_vec()),
    }
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

#[test]
fn the_first_rule_that_matches_decides() {
    let setting = Setting::new();
    let policy = setting.read(
        r#"
        require = ["team.pub", "acme.pub"]
        [[rule]]
        references = ["oci://bad.example/*"]
        keys = []
        [[rule]]
        references = ["oci://x.example/a/*", "inline:acme-*"]
        keys = ["acme.pub"]
        [[rule]]
        references = ["oci://x.example/*"]
        keys = ["team.pub"]
        "#,
    );
    let (team, acme) = (setting.team.public(), setting.acme.public());
    for (text, wanted) in [
        ("bad.example/a", vec![]),
        ("x.example/a/b", vec![acme.clone()]),
        ("x.example/b", vec![team.clone()]),
        ("y.example/b", vec![team, acme.clone()]),
    ] {
        let reference = reference(text);
        assert_eq!(
            keys(&policy, &Subject::Reference(&reference)),
            Some(wanted),
            "{text}"
        );
    }
    assert_eq!(keys(&policy, &Subject::Inline("acme-1")), Some(vec![acme]));
    let Wanted::Keys { rule, .. } = policy.wanted(&Subject::Reference(&reference("x.example/a/b")))
    else {
        panic!("a rule matches");
    };
    assert!(
        rule.ends_with("policy.toml, rule 2 (oci://x.example/a/*)"),
        "{rule}"
    );

    // Without `require`, what no rule matches runs; with an empty one nothing.
    let rules = "[[rule]]\nreferences = ['inline:a']\nkeys = []\n";
    let open = setting.read(rules);
    assert_eq!(keys(&open, &Subject::Inline("b")), None);
    let shut = setting.read(&format!("require = []\n{rules}"));
    assert_eq!(keys(&shut, &Subject::Inline("b")), Some(vec![]));
    assert_eq!(keys(&setting.read(""), &Subject::Inline("b")), None);
}

#[test]
fn policies_that_cannot_be_meant_are_errors() {
    let setting = Setting::new();
    for (text, says) in [
        ("requires = []", "line 1: unknown field `requires`"),
        ("\n\nrequire = 'team.pub'", "line 3: "),
        ("require = [", "line 1: "),
        ("require = []\nrequire = []", "line 2: "),
        ("require = ['none.pub']", "`require`: there is no key"),
        ("require = ['team.key']", "private key"),
        ("require = ['policy.toml']", "no key"),
        ("require = ['-----BEGIN PUBLIC KEY-----']", "no key"),
        ("[[rule]]\nkeys = []", "missing field `references`"),
        ("[[rule]]\nreferences = ['*']", "missing field `keys`"),
        (
            "[[rule]]\nreferences = []\nkeys = []",
            "rule 1: it has no references",
        ),
        (
            "[[rule]]\nreferences = ['*']\nkeys = []\nkey = 1",
            "unknown field `key`",
        ),
        ("[rule]\nreferences = ['*']\nkeys = []", "line 1: "),
        (
            "[[rule]]\nreferences = ['*']\nkeys = []\n[[rule]]\nreferences = ['a']\nkeys = []",
            "rule 2: `a` is no reference",
        ),
        (
            "[[rule]]\nreferences = ['oci://a.example/b:1']\nkeys = []",
            "a tag can be moved",
        ),
    ] {
        let error = setting.try_read(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    let huge = setting.try_read(&"#".repeat(FILE_LIMIT + 1)).unwrap_err();
    assert_eq!(huge.kind(), ErrorKind::Io);
    fs::write(setting.path("policy.toml"), b"\xff").unwrap();
    let error = Policy::read(&setting.path("policy.toml")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);

    let pem = setting.team.public().to_pem();
    let policy = setting.read(&format!("require = ['''{pem}''']"));
    assert_eq!(
        keys(&policy, &Subject::Inline("x")),
        Some(vec![setting.team.public()])
    );
}

#[test]
fn policies_are_found_where_they_lie() {
    let setting = Setting::new();
    let (user, machine, none) = (
        setting.path("user.toml"),
        setting.path("machine.toml"),
        setting.path("none.toml"),
    );
    fs::write(&user, "require = []").unwrap();
    fs::write(&machine, "").unwrap();
    let path = |named: Option<&Path>, usual: &[Option<PathBuf>]| {
        find(named.map(Path::to_owned), usual)
            .map(|policy| policy.map(|policy| policy.path().to_owned()))
    };
    let both = [Some(user.clone()), Some(machine.clone())];
    assert_eq!(path(Some(&machine), &both).unwrap(), Some(machine.clone()));
    assert_eq!(path(None, &both).unwrap(), Some(user.clone()));
    assert_eq!(
        path(None, &[None, Some(none.clone()), Some(machine.clone())]).unwrap(),
        Some(machine.clone())
    );
    assert_eq!(path(None, &[None, Some(none.clone())]).unwrap(), None);
    let error = path(Some(&none), &both).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    // What is there and broken is not passed over for the next.
    fs::write(&user, "require = ['none.pub']").unwrap();
    assert_eq!(path(None, &both).unwrap_err().kind(), ErrorKind::Invalid);
    fs::remove_file(&user).unwrap();
    fs::create_dir(&user).unwrap();
    assert_eq!(path(None, &both).unwrap_err().kind(), ErrorKind::Io);
    #[cfg(unix)]
    {
        let link = setting.path("link.toml");
        std::os::unix::fs::symlink(&none, &link).unwrap();
        let error = path(None, &[Some(link), Some(machine)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[cfg(unix)]
#[test]
fn files_match_by_every_way_to_them() {
    use std::os::unix::fs::symlink;
    let setting = Setting::new();
    for name in ["plugins", "plugins/deep", "elsewhere"] {
        fs::create_dir(setting.path(name)).unwrap();
    }
    for name in [
        "plugins/a.wasm",
        "plugins/deep/b.wasm",
        "elsewhere/c.wasm",
        "plugins/a.txt",
    ] {
        fs::write(setting.path(name), "x").unwrap();
    }
    symlink(setting.path("plugins"), setting.path("link")).unwrap();
    symlink(
        setting.path("plugins/a.wasm"),
        setting.path("elsewhere/to-a"),
    )
    .unwrap();
    symlink(
        setting.path("elsewhere/c.wasm"),
        setting.path("plugins/to-c.wasm"),
    )
    .unwrap();
    let absolute = format!("{}/*.wasm", setting.path("plugins").display());
    let through_link = format!("{}/*.wasm", setting.path("link").display());
    for pattern in [
        "./plugins/*.wasm",
        "./elsewhere/../plugins/*.wasm",
        &absolute,
        &through_link,
    ] {
        let policy = setting.read(&format!("[[rule]]\nreferences = ['{pattern}']\nkeys = []"));
        for (name, fits) in [
            ("plugins/a.wasm", true),
            ("plugins/deep/b.wasm", true),
            ("plugins/../plugins/./a.wasm", true),
            ("elsewhere/../plugins/a.wasm", true),
            ("link/a.wasm", true),
            ("elsewhere/to-a", true),
            ("plugins//a.wasm", true),
            ("plugins/none-yet.wasm", true),
            ("elsewhere/c.wasm", false),
            ("plugins/../elsewhere/c.wasm", false),
            ("plugins/a.txt", false),
        ] {
            let path = setting.path(name);
            let wanted = keys(&policy, &Subject::File(&path));
            assert_eq!(wanted.is_some(), fits, "{pattern} {name}");
        }
        // A link in the folder is in the folder, wherever it leads.
        if pattern != through_link {
            let path = setting.path("plugins/to-c.wasm");
            assert!(keys(&policy, &Subject::File(&path)).is_some(), "{pattern}");
        }
    }
}

#[test]
fn references_are_checked_once_and_run_without_the_registry() {
    let setting = Setting::new();
    let policy = setting.read("require = ['team.pub']");
    let (local, remote) = (Memory::default(), Memory::default());
    let refused = |local: &Memory, remote: &Memory| {
        let error = policy
            .check_reference(local, remote, &plugin())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        error.to_string()
    };
    let said = refused(&local, &remote);
    assert!(
        said.contains("has no signature; `wudf sign oci://registry.example/team/slug@sha256:"),
        "{said}"
    );
    assert!(
        said.contains("policy.toml, `require` wants a signature by the key sha256:"),
        "{said}"
    );

    sign(&remote, &plugin(), &setting.acme).unwrap();
    let said = refused(&local, &remote);
    assert!(
        said.contains("has a signature, but not by such a key"),
        "{said}"
    );
    // Of another digest, in this one's place.
    let other = Memory::default();
    sign(&other, &plugin().at(&sha256(b"other")), &setting.team).unwrap();
    let said = refused(&local, &other);
    assert!(said.contains("a signature of another digest"), "{said}");

    sign(&remote, &plugin(), &setting.team).unwrap();
    policy.check_reference(&local, &remote, &plugin()).unwrap();
    let gone = Memory {
        broken: Some(ErrorKind::Offline),
        ..Memory::default()
    };
    policy.check_reference(&local, &gone, &plugin()).unwrap();
    let error = policy
        .check_reference(&Memory::default(), &gone, &plugin())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Offline);
    // What is kept is no more than what was checked.
    let strict = setting.read("require = ['acme.pub']");
    let error = strict
        .check_reference(&local, &gone, &plugin())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Offline);
    // A store that is broken is no reason.
    let broken = Memory {
        broken: Some(ErrorKind::Io),
        ..Memory::default()
    };
    policy.check_reference(&broken, &remote, &plugin()).unwrap();

    let shut = setting.read("[[rule]]\nreferences = ['oci://*']\nkeys = []");
    let error = shut
        .check_reference(&local, &remote, &plugin())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("names no key"), "{error}");
    setting
        .read("")
        .check_reference(&gone, &gone, &plugin())
        .unwrap();
}

#[test]
fn files_are_checked() {
    let setting = Setting::new();
    let policy = setting.read("require = ['team.pub', 'acme.pub']");
    let file = setting.path("p.wasm");
    fs::write(&file, "bytes").unwrap();
    let what = Subject::File(&file);
    let refused = |what: &Subject<'_>, bytes: &[u8], signatures: &[String]| {
        let error = policy.check_bytes(what, bytes, signatures).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        error.to_string()
    };
    let said = refused(&what, b"bytes", &[]);
    assert!(said.contains("p.wasm.sig); `wudf sign "), "{said}");
    assert!(
        said.contains("wants a signature by one of 2 keys"),
        "{said}"
    );
    sign_file(&file, &key()).unwrap();
    let said = refused(&what, b"bytes", &read_file(&file).unwrap());
    assert!(
        said.contains("a signature, but not by such a key, or it was changed since"),
        "{said}"
    );
    sign_file(&file, &setting.acme).unwrap();
    let signatures = read_file(&file).unwrap();
    policy.check_bytes(&what, b"bytes", &signatures).unwrap();
    let said = refused(&what, b"byteS", &signatures);
    assert!(said.contains("2 signatures, but none"), "{said}");

    let said = refused(&Subject::Inline("a\u{1b}[0m\n"), b"x", &[]);
    assert!(!said.contains(char::is_control), "{said}");
    policy
        .check_bytes(&Subject::Inline("a"), b"x", &[setting.team.sign(b"x")])
        .unwrap();
    setting.read("").check_bytes(&what, b"x", &[]).unwrap();
}
