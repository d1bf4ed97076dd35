//! How a query's calls are ended.

use std::any::Any;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::common::{Result, config_err};
use wudf::CancellationToken;

/// Ends the calls of a session's queries when its token is cancelled. DataFusion notices
/// that nobody wants a query's rows between batches only, and a call may take a minute.
///
/// ```
/// use datafusion::prelude::{SessionConfig, SessionContext};
/// use wudf::CancellationToken;
/// use wudf_datafusion::Cancellation;
///
/// let token = CancellationToken::new();
/// let config = SessionConfig::new().with_option_extension(Cancellation::new(token.clone()));
/// let context = SessionContext::new_with_config(config);
/// // From any thread: the session's calls end with an error of the kind `Cancelled`.
/// token.cancel();
/// ```
#[derive(Clone, Debug)]
pub struct Cancellation(CancellationToken);

impl Cancellation {
    /// Ends calls when this token is cancelled.
    pub fn new(token: CancellationToken) -> Self {
        Self(token)
    }

    /// The token.
    pub fn token(&self) -> &CancellationToken {
        &self.0
    }
}

impl ConfigExtension for Cancellation {
    const PREFIX: &'static str = "wudf_cancellation";
}

impl ExtensionOptions for Cancellation {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> Result<()> {
        config_err!("wudf_cancellation has no setting {key}")
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
