//! Registries that break off, stumble and lie.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use wudf_registry::{Attachments, ErrorKind, Registry};

use crate::common::{component, digest, settings};
use crate::place::{Place, is_blob, is_manifest, slug};
use crate::server::{Content, ENDLESS, Reply};

#[test]
fn a_blob_that_breaks_off_is_gone_on_with() {
    let bytes = component("cut", 1 << 20);
    let half = bytes.len() / 2;
    let starts = Arc::new(Mutex::new(Vec::new()));
    let seen = starts.clone();
    let place = Place::new(slug(&bytes), move |request, reply, before| {
        if !is_blob(request) {
            return reply;
        }
        seen.lock()
            .unwrap()
            .push(request.header("range").map(str::to_owned));
        match before {
            0 => reply.cut_at(half),
            // Within its own piece now.
            1 => reply.cut_at(1000),
            _ => reply,
        }
    });
    place.works(&bytes);
    let range = |from| Some(format!("bytes={from}-"));
    assert_eq!(
        starts.lock().unwrap()[..],
        [None, range(half), range(half + 1000)]
    );
}

#[test]
fn a_server_without_ranges_begins_anew() {
    let bytes = component("whole", 300_000);
    let all = bytes.clone();
    let place = Place::new(slug(&bytes), move |request, reply, before| {
        match (is_blob(request), before) {
            (true, 0) => reply.cut_at(100_000),
            (true, _) => Reply::new(200, all.clone()),
            _ => reply,
        }
    });
    place.works(&bytes);
}

#[test]
fn a_server_with_other_ranges_begins_anew() {
    for status in [206, 416] {
        let bytes = component("ranges", 300_000);
        let all = bytes.clone();
        let place = Place::new(slug(&bytes), move |request, reply, before| {
            match (is_blob(request), before) {
                (true, 0) => reply.cut_at(100_000),
                // Not from where it was asked.
                (true, 1) => Reply::new(status, &all[50..])
                    .header("Content-Range", &format!("bytes 50-{}/{0}", all.len())),
                _ => reply,
            }
        });
        place.works(&bytes);
    }
}

#[test]
fn what_never_ends_well_is_given_up() {
    let bytes = component("never", 300_000);
    let place = Place::new(slug(&bytes), |request, reply, _| match is_blob(request) {
        true => reply.cut_at(1000),
        false => reply,
    });
    place.fails(ErrorKind::Network, &["lost half-way"]);
    assert_eq!(place.asked("GET /v2/slug/blobs/"), 4);
}

#[test]
fn a_broken_start_from_before_is_not_gone_on_with_for_ever() {
    let bytes = component("stale", 300_000);
    let place = Place::new(slug(&bytes), |_, reply, _| reply);
    let partial = place.store.path().join("partial");
    std::fs::create_dir_all(&partial).unwrap();
    std::fs::write(partial.join(&digest(&bytes)[7..]), vec![7; 1000]).unwrap();
    place.works(&bytes);
    // One that is longer than the blob.
    let store = TempDir::new().unwrap();
    let place = Place { store, ..place };
    let partial = place.store.path().join("partial");
    std::fs::create_dir_all(&partial).unwrap();
    std::fs::write(partial.join(&digest(&bytes)[7..]), vec![7; 400_000]).unwrap();
    place.works(&bytes);
}

#[test]
fn trouble_passes() {
    for status in [500, 503, 429, 408] {
        let bytes = component("trouble", 1000);
        let place = Place::new(slug(&bytes), move |request, reply, before| {
            match before < 2 && request.path != "/v2/" {
                true => Reply::new(status, "oops").header("Retry-After", "0"),
                false => reply,
            }
        });
        place.works(&bytes);
        assert_eq!(place.asked("GET /v2/slug/blobs/"), 3);
    }
}

#[test]
fn trouble_that_stays_is_told() {
    let place = Place::new(
        slug(&component("stays", 10)),
        |request, reply, _| match is_manifest(request) {
            true => Reply::new(
                500,
                r#"{"errors":[{"code":"UNKNOWN","message":"disk\u001b[31m full"}]}"#,
            ),
            false => reply,
        },
    );
    // A HEAD has no words.
    place.fails(ErrorKind::Network, &["500"]);
    let at = place.reference("slug:1").at(&digest(b"none"));
    let error = place.registry().pull_plugin(&at).unwrap_err();
    place.is(&error, ErrorKind::Network, &["500", "full"]);
}

#[test]
fn silence_is_not_waited_for_for_ever() {
    let place = Place::new(
        slug(&component("silent", 10)),
        |request, reply, _| match is_manifest(request) {
            true => reply.stalled_at(5),
            false => reply,
        },
    );
    let mut settings = settings(place.store.path());
    settings.silence = Duration::from_millis(300);
    settings.attempts = 2;
    let registry = Registry::new(settings).unwrap();
    let error = registry
        .pull_plugin(&place.reference("slug:1"))
        .unwrap_err();
    place.is(&error, ErrorKind::Network, &[]);
    assert!(place.asked("GET /v2/slug/manifests/") <= 2);
}

#[test]
fn a_registry_that_is_away() {
    let place = Place::new(Content::default(), |_, reply, _| reply);
    let host = place.server.host.clone();
    let what = place.reference("slug:1");
    let registry = place.registry();
    drop(place);
    let error = registry.pull_plugin(&what).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.to_string().starts_with(&host), "{error}");
}

#[test]
fn a_wrong_blob_is_no_blob() {
    let (right, wrong) = (component("right", 1000), component("wrong", 1000));
    assert_eq!(right.len(), wrong.len());
    let place = Place::new(slug(&right), move |request, reply, before| {
        match is_blob(request) && before == 0 {
            true => Reply::new(200, wrong.clone()),
            false => reply,
        }
    });
    place.fails(ErrorKind::Digest, &[&digest(&right)]);
    place.works(&right);
}

#[test]
fn a_wrong_manifest_is_no_manifest() {
    let bytes = component("manifest", 1000);
    let content = slug(&bytes);
    let mut other = Content::default();
    let other_digest = other.plugin("slug", "1", &component("other", 10));
    let named = content.clone();
    let place = Place::new(content, move |request, reply, _| {
        match is_manifest(request) && request.path.contains("sha256:") {
            true => Reply::new(200, other.manifests["slug/manifests/1"].clone()),
            false => reply,
        }
    });
    place.fails(ErrorKind::Digest, &["is not what it should be"]);
    // A header that is wrong about its own body.
    let place = Place::new(named, move |request, reply, _| {
        match (is_manifest(request), request.method.as_str()) {
            (true, "HEAD") => Reply::new(405, ""),
            (true, _) => reply.header("Docker-Content-Digest", &other_digest),
            _ => reply,
        }
    });
    place.fails(ErrorKind::Digest, &["is not what it should be"]);
}

#[test]
fn a_registry_that_knows_no_head_and_tells_no_digest() {
    let bytes = component("plain", 1000);
    let place = Place::new(slug(&bytes), |request, reply, _| {
        match request.method.as_str() {
            "HEAD" => Reply::new(405, ""),
            _ => reply.header("Docker-Content-Digest", "md5:0123"),
        }
    });
    place.works(&bytes);
}

#[test]
fn a_manifest_of_100_mb_is_not_read() {
    let place = Place::new(slug(&component("huge", 10)), |request, reply, _| {
        match is_manifest(request) && request.method == "GET" {
            true => Reply::endless(200).header("Content-Length", "100000000"),
            false => reply,
        }
    });
    place.fails(ErrorKind::TooLarge, &["manifest", "4194304"]);
    assert_eq!(place.asked("GET /v2/slug/manifests/"), 1);
}

#[test]
fn bodies_without_end_are_left() {
    // As a manifest, an error, a token, a blob, a list of what hangs on it.
    let bytes = component("endless", 10);
    for (part, status) in [
        ("/manifests/", 200),
        ("/manifests/", 404),
        ("/blobs/", 200),
        ("/blobs/", 403),
    ] {
        let place = Place::new(slug(&bytes), move |request, reply, _| {
            match request.method == "GET" && request.path.contains(part) {
                true => Reply::endless(status),
                false => reply,
            }
        });
        let error = place
            .registry()
            .pull_plugin(&place.reference("slug:1"))
            .unwrap_err();
        let kind = match (part, status) {
            ("/manifests/", 200) => ErrorKind::TooLarge,
            (_, 404) => ErrorKind::NotFound,
            ("/blobs/", 200) => ErrorKind::Artifact,
            _ => ErrorKind::Unauthorized,
        };
        place.is(&error, kind, &[]);
    }
    let place = Place::new(slug(&bytes), |request, reply, _| {
        match request.path.as_str() {
            "/token?scope=repository%3Aslug%3Apull" => Reply::endless(200),
            _ if request.path.starts_with("/v2/slug") => Reply::new(401, "").header(
                "WWW-Authenticate",
                &format!(
                    "Bearer realm=\"http://{}/token\"",
                    request.header("host").unwrap()
                ),
            ),
            _ => reply,
        }
    });
    place.fails(ErrorKind::TooLarge, &["token"]);
    let place = Place::new(slug(&bytes), |request, reply, _| {
        match request.path.contains("/referrers/") {
            true => Reply::endless(200),
            false => reply,
        }
    });
    let subject = place.reference("slug").at(&digest(b"x"));
    let error = place.registry().remote().manifests(&subject).unwrap_err();
    place.is(&error, ErrorKind::TooLarge, &[]);
    // Six bodies, of which buffers take some.
    let taken = ENDLESS.load(Ordering::SeqCst);
    assert!(taken < 200 << 20, "{taken} bytes were read");
}
