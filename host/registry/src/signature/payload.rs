//! "Simple signing": the JSON that cosign signs for an image.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, ErrorKind, Reference, Result};

pub(super) const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

const TYPE: &str = "cosign container image signature";

/// Fields that are not known may not stand in what is critical, and none may
/// stand there twice: who signed meant all of it, and other readers would take
/// the other one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Payload {
    critical: Critical,
    #[serde(default)]
    optional: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    r#type: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(rename = "docker-reference")]
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    docker_manifest_digest: String,
}

impl Payload {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes)
            .ok()
            .filter(|payload| payload.critical.r#type == TYPE)
    }

    pub(super) fn digest(&self) -> &str {
        &self.critical.image.docker_manifest_digest
    }

    /// The seconds since 1970 that skopeo writes down.
    pub(super) fn seconds(&self) -> Option<i64> {
        self.optional.get("timestamp")?.as_i64()
    }
}

/// The bytes to sign for a manifest, as cosign has them.
pub(super) fn write(subject: &Reference, digest: &str) -> Result<Vec<u8>> {
    let payload = Payload {
        critical: Critical {
            identity: Identity {
                docker_reference: format!("{}/{}", subject.host(), subject.repository()),
            },
            image: Image {
                docker_manifest_digest: digest.to_owned(),
            },
            r#type: TYPE.to_owned(),
        },
        optional: Value::Null,
    };
    serde_json::to_vec(&payload)
        .map_err(|_| Error::new(ErrorKind::Invalid, format!("{subject} cannot be signed")))
}
