//! A registry that answers other than it should, and who asks it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use wudf_registry::{ErrorKind, Reference, Registry};

use crate::common::{digest, reference, settings, walk};
use crate::server::{Content, Reply, Request, Server};

/// A server of `slug:1`, a store, and how often something was asked for.
pub struct Place {
    pub server: Server,
    pub store: TempDir,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Place {
    /// `bend` gets what a kind registry would answer.
    pub fn new(
        content: Content,
        bend: impl Fn(&Request, Reply, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let server = Server::start(move |request| {
            let line = format!("{} {}", request.method, request.path);
            let before = {
                let mut seen = seen.lock().unwrap();
                let before = seen.iter().filter(|one| **one == line).count();
                seen.push(line);
                before
            };
            bend(request, content.answer(request), before)
        });
        let store = TempDir::new().unwrap();
        Self {
            server,
            store,
            asked,
        }
    }

    pub fn registry(&self) -> Registry {
        let mut settings = settings(self.store.path());
        settings.silence = Duration::from_secs(10);
        Registry::new(settings).unwrap()
    }

    pub fn reference(&self, rest: &str) -> Reference {
        reference(&format!("{}/{rest}", self.server.host))
    }

    pub fn asked(&self, start: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|line| line.starts_with(start)).count()
    }

    /// Pulls `slug:1`, which must fail so and leave nothing wrong behind.
    pub fn fails(&self, kind: ErrorKind, words: &[&str]) {
        let error = self
            .registry()
            .pull_plugin(&self.reference("slug:1"))
            .unwrap_err();
        self.is(&error, kind, words);
    }

    pub fn is(&self, error: &wudf_registry::Error, kind: ErrorKind, words: &[&str]) {
        let text = error.to_string();
        assert_eq!(error.kind(), kind, "{text}");
        for word in words {
            assert!(text.contains(word), "`{word}` is not in: {text}");
        }
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(text.len() < 700, "{text}");
        walk(self.store.path());
    }

    pub fn works(&self, bytes: &[u8]) {
        let pulled = self
            .registry()
            .pull_plugin(&self.reference("slug:1"))
            .unwrap();
        assert_eq!(digest(&pulled.bytes), digest(bytes));
        walk(self.store.path());
    }
}

pub fn slug(bytes: &[u8]) -> Content {
    let mut content = Content::default();
    content.plugin("slug", "1", bytes);
    content
}

pub fn is_blob(request: &Request) -> bool {
    request.method == "GET" && request.path.contains("/blobs/")
}

pub fn is_manifest(request: &Request) -> bool {
    request.path.contains("/manifests/")
}
