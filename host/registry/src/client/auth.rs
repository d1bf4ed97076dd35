//! Telling a registry who asks: with a name and a password, or with a token
//! that it has from the server that the registry points at.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_auth::ChallengeParser;
use serde::Deserialize;
use ureq::http::{Method, header};
use url::Url;

use super::{ANSWER_LIMIT, Ask, Client, Failure, Payload, Response};
use crate::ErrorKind;
use crate::credentials::{self, Credentials};

/// What a registry wants.
enum Wanted {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

impl Client<'_> {
    /// The header for what is asked, if the registry wanted one before.
    pub(super) fn authorization_for(&self, scope: &str) -> Option<String> {
        let kept = self.authorization.borrow();
        let (of, header) = kept.as_ref()?;
        // A password is for everything.
        (of == scope || of.is_empty()).then(|| header.clone())
    }

    /// Gets what the registry wants to see.
    pub(super) fn authorize(&self, response: &Response, scope: &str) -> Result<(), Failure> {
        let known = credentials::of(self.host).map_err(Failure::lasting)?;
        let unknown = || {
            Failure::lasting(self.error(
                ErrorKind::Unauthorized,
                format!(
                    "it wants to know who you are; `docker login {}` tells it",
                    self.host
                ),
            ))
        };
        let kept = match wanted(response).ok_or_else(unknown)? {
            Wanted::Basic => match known {
                Credentials::Password(user, password) => (String::new(), basic(&user, &password)),
                _ => return Err(unknown()),
            },
            Wanted::Bearer { realm, service } => {
                let token = self.token(&realm, service.as_deref(), scope, &known)?;
                (scope.to_owned(), format!("Bearer {token}"))
            }
        };
        self.authorization.replace(Some(kept));
        Ok(())
    }

    fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        known: &Credentials,
    ) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        let wrong = |why: &str| Failure::lasting(self.error(ErrorKind::Artifact, why));
        let mut url = Url::parse(realm)
            .ok()
            .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| wrong("its server of tokens is no address"))?;
        // A password goes there: not in the clear, where the registry itself
        // is not.
        self.allowed(&url, self.base()?)?;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("scope", scope);
        if let Some(service) = service {
            form.append_pair("service", service);
        }
        let request = match known {
            // The OAuth2 way, which alone takes such tokens.
            Credentials::Identity(identity) => {
                form.append_pair("grant_type", "refresh_token")
                    .append_pair("client_id", "wudf")
                    .append_pair("refresh_token", identity);
                form.finish()
            }
            _ => {
                url.query_pairs_mut()
                    .extend_pairs(url::form_urlencoded::parse(form.finish().as_bytes()));
                String::new()
            }
        };
        let mut ask = Ask::new(Method::GET, url, scope);
        match known {
            Credentials::Anonymous => {}
            Credentials::Password(user, password) => {
                ask.headers
                    .push((header::AUTHORIZATION, basic(user, password)));
            }
            Credentials::Identity(_) => {
                ask.method = Method::POST;
                let form = "application/x-www-form-urlencoded".to_owned();
                ask.headers.push((header::CONTENT_TYPE, form));
                ask.body = Payload::Bytes(request.as_bytes());
            }
        }
        // Straight to it: a redirect would take the password along.
        let response = self.send_once(&ask, None)?;
        if response.status() != 200 {
            return Err(self.refused(response, "this"));
        }
        let body = self.body(response, 16 * ANSWER_LIMIT, "its token")?;
        let token: Token = serde_json::from_slice(&body)
            .map_err(|_| wrong("its server of tokens answers with none"))?;
        token
            .token
            .or(token.access_token)
            .filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or_else(|| wrong("its server of tokens answers with none"))
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The best of what would do.
fn wanted(response: &Response) -> Option<Wanted> {
    let mut wanted = None;
    for header in response.headers().get_all(header::WWW_AUTHENTICATE) {
        let Ok(header) = header.to_str() else {
            continue;
        };
        for challenge in ChallengeParser::new(header).flatten() {
            let parameter = |name: &str| {
                let found = challenge
                    .params
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                if let Some(realm) = parameter("realm") {
                    let service = parameter("service");
                    return Some(Wanted::Bearer { realm, service });
                }
            } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                wanted = Some(Wanted::Basic);
            }
        }
    }
    wanted
}
