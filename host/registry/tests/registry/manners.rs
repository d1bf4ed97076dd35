//! Where a registry sends those who ask, and whom it wants to be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wudf_registry::{Annotate, ErrorKind};

use crate::common::{component, digest, reference};
use crate::place::{Place, is_blob, slug};
use crate::server::{Content, Reply, Server};

#[test]
fn redirects_are_followed_and_not_for_ever() {
    let bytes = component("moved", 1000);
    let storage = {
        let bytes = bytes.clone();
        Server::start(move |request| {
            assert_eq!(request.path, "/signed?secret=1");
            Reply::new(200, bytes.clone())
        })
    };
    let to = format!("http://{}/signed?secret=1", storage.host);
    let place = Place::new(slug(&bytes), move |request, reply, _| {
        match is_blob(request) {
            true => Reply::new(307, "").header("Location", &to),
            false => reply,
        }
    });
    place.works(&bytes);
    let place = Place::new(slug(&bytes), |request, reply, _| match is_blob(request) {
        true => Reply::new(302, "").header("Location", &request.path),
        false => reply,
    });
    place.fails(ErrorKind::Artifact, &["without end"]);
    for to in [
        "http://a.example/plain",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
    ] {
        let place = Place::new(slug(&bytes), move |request, reply, _| {
            match is_blob(request) {
                true => Reply::new(302, "").header("Location", to),
                false => reply,
            }
        });
        let error = place
            .registry()
            .pull_plugin(&place.reference("slug:1"))
            .unwrap_err();
        place.is(&error, error.kind(), &["it points at"]);
        assert!(!error.to_string().contains("/plain"), "{error}");
    }
}

#[test]
fn tokens_are_fetched_where_the_registry_says() {
    let bytes = component("token", 1000);
    let tokens = Arc::new(AtomicUsize::new(0));
    let count = tokens.clone();
    let place = Place::new(slug(&bytes), move |request, reply, _| {
        let host = request.header("host").unwrap();
        if request.path.starts_with("/token?") {
            assert!(
                request.path.contains("scope=repository%3Aslug%3Apull"),
                "{}",
                request.path
            );
            assert!(request.path.contains("service=the+one"), "{}", request.path);
            let n = count.fetch_add(1, Ordering::SeqCst);
            return Reply::new(200, format!(r#"{{"access_token": "t{n}"}}"#));
        }
        // The first token is soon too old.
        let old = is_blob(request) && request.header("authorization") == Some("Bearer t0");
        match request.header("authorization") {
            Some(shown) if shown.starts_with("Bearer t") && !old => reply,
            _ if request.path == "/v2/" => reply,
            _ => Reply::new(401, "").header(
                "WWW-Authenticate",
                &format!(r#"Bearer realm="http://{host}/token",service="the one",scope="x""#),
            ),
        }
    });
    place.works(&bytes);
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
}

#[test]
fn credentials_stay_with_the_registry() {
    let bytes = component("stay", 1000);
    let storage = {
        let bytes = bytes.clone();
        Server::start(move |request| match request.header("authorization") {
            None => Reply::new(200, bytes.clone()),
            Some(_) => Reply::new(400, "this was for another"),
        })
    };
    let to = format!("http://{}/blob", storage.host);
    let place = Place::new(slug(&bytes), move |request, reply, _| {
        let host = request.header("host").unwrap();
        match (request.path.as_str(), request.header("authorization")) {
            ("/v2/", _) => reply,
            (path, _) if path.starts_with("/token?") => Reply::new(200, r#"{"token": "t"}"#),
            (_, None) => Reply::new(401, "").header(
                "WWW-Authenticate",
                &format!(r#"Bearer realm="http://{host}/token""#),
            ),
            _ if is_blob(request) => Reply::new(307, "").header("Location", &to),
            _ => reply,
        }
    });
    place.works(&bytes);
}

#[test]
fn a_server_without_tls_where_there_must_be_some() {
    use std::io::{Read, Write};
    // It answers a question in the clear as servers do that want TLS, and TLS
    // as servers do that have none.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten().take(2) {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let place = Place::new(Content::default(), |_, reply, _| reply);
    let slug = reference(&format!("{host}/slug:1"));
    let error = place.registry().pull_plugin(&slug).unwrap_err();
    place.is(&error, ErrorKind::Network, &["speaks no TLS"]);
}

#[test]
fn tokens_that_are_none_are_refused() {
    let answers = [
        r#"{"token": "a\nb"}"#,
        r#"{"token": "a\u0000b"}"#,
        r#"{"token": ""}"#,
        r#"{"token": "ä"}"#,
        "{}",
        "<html>",
    ];
    for answer in answers {
        let place = Place::new(slug(&component("none", 10)), move |request, reply, _| {
            let host = request.header("host").unwrap();
            match request.path.as_str() {
                "/v2/" => reply,
                path if path.starts_with("/token") => Reply::new(200, answer),
                _ => Reply::new(401, "").header(
                    "WWW-Authenticate",
                    &format!(r#"Bearer realm="http://{host}/token""#),
                ),
            }
        });
        place.fails(ErrorKind::Artifact, &["tokens"]);
    }
    for (challenge, kind) in [
        (
            r#"Bearer realm="http://a.example/token""#,
            ErrorKind::Network,
        ),
        (r#"Bearer realm="file:///etc/passwd""#, ErrorKind::Artifact),
        ("Basic realm=\"x\"", ErrorKind::Unauthorized),
        ("Negotiate", ErrorKind::Unauthorized),
        ("\"\"\",,=", ErrorKind::Unauthorized),
    ] {
        let place = Place::new(
            slug(&component("none", 10)),
            move |request, reply, _| match request.path.as_str() {
                "/v2/" => reply,
                _ => Reply::new(401, "").header("WWW-Authenticate", challenge),
            },
        );
        place.fails(kind, &[]);
    }
}

#[test]
fn uploads_that_go_astray_are_refused() {
    let bytes = component("astray", 10);
    for to in ["http://a.example/upload", "ftp://127.0.0.1/", "http://"] {
        let place = Place::new(Content::default(), move |request, reply, _| {
            match request.method.as_str() {
                "POST" => Reply::new(202, "").header("Location", to),
                _ => reply,
            }
        });
        let slug = place.reference("slug:1");
        let result = place
            .registry()
            .push_plugin(&bytes, &slug, &Annotate::default());
        let kind = match to {
            "http://a.example/upload" => ErrorKind::Network,
            _ => ErrorKind::Artifact,
        };
        place.is(&result.unwrap_err(), kind, &[]);
        assert_eq!(place.asked("PUT"), 0);
    }
}

#[test]
fn what_cannot_be_pushed_is_said_before_anybody_is_asked() {
    let place = Place::new(Content::default(), |_, reply, _| reply);
    let registry = place.registry();
    let push = |bytes: &[u8], rest: &str, annotate: &Annotate| {
        registry
            .push_plugin(bytes, &place.reference(rest), annotate)
            .unwrap_err()
    };
    let good = component("push", 10);
    let plain = Annotate::default();
    let module = wat::parse_str("(module)").unwrap();
    place.is(
        &push(&module, "slug:1", &plain),
        ErrorKind::Artifact,
        &["core module"],
    );
    place.is(
        &push(b"text", "slug:1", &plain),
        ErrorKind::Artifact,
        &["no WebAssembly"],
    );
    let named = format!("slug@{}", digest(&good));
    place.is(
        &push(&good, &named, &plain),
        ErrorKind::Invalid,
        &["name a tag"],
    );
    let titled = Annotate {
        title: Some("a/b".into()),
        ..Annotate::default()
    };
    place.is(
        &push(&good, "slug:1", &titled),
        ErrorKind::Invalid,
        &["a/b"],
    );
    let none = registry.push_model(&["/nowhere".into()], &place.reference("net:1"), &plain);
    place.is(&none.unwrap_err(), ErrorKind::Io, &["/nowhere"]);
    assert_eq!(place.asked(""), 0);
}
