//! What travels: push, pull, list, remove, update, key, sign, verify.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint};
use wudf_adapter::Registries;

use super::values::key_value;

pub const PUSH_EXAMPLES: &str = "Examples:
  wudf push slug.wasm oci://registry.example/team/slug:1.0
  wudf push resnet50.onnx oci://registry.example/models/resnet50:1

  # A plugin that brings its model with it, by digest.
  wudf push embed.wasm oci://registry.example/team/embed:1.0 \\
      --model resnet50=oci://registry.example/models/resnet50:1";

pub const PULL_EXAMPLES: &str = "Examples:
  wudf pull oci://registry.example/team/slug:1.0
  wudf pull oci://registry.example/team/slug:1.0 -o slug.wasm
  wudf run oci://registry.example/team/slug:1.0:slug titles.csv --column title --offline";

pub const LIST_EXAMPLES: &str = "Examples:
  wudf list
  wudf list --json";

pub const REMOVE_EXAMPLES: &str = "Examples:
  wudf remove oci://registry.example/team/slug:1.0";

pub const UPDATE_EXAMPLES: &str = "Examples:
  wudf update oci://registry.example/team/slug:1.0     # pins it in wudf.lock
  wudf update                                          # moves all that is pinned to what is there now
  wudf run oci://registry.example/team/slug:1.0 titles.csv --locked";

pub const KEY_EXAMPLES: &str = "Examples:
  wudf key new team                                    # team.key and team.pub";

pub const SIGN_EXAMPLES: &str = "Examples:
  wudf sign oci://registry.example/team/slug:1.0 --key team.key
  wudf sign slug.wasm --key team.key                   # beside it, in slug.wasm.sig";

pub const VERIFY_EXAMPLES: &str = "Examples:
  wudf verify oci://registry.example/team/slug:1.0 --key team.pub
  wudf verify slug.wasm                                # as the policy wants it";

pub const VERIFY_LONG: &str = "Examples:
  wudf verify oci://registry.example/team/slug:1.0 --key team.pub
  wudf verify slug.wasm                                # as the policy wants it

Policy:
  A policy says whose signatures count. With the line
      require = [\"team.pub\"]
  in ~/.config/wudf/policy.toml (or /etc/wudf/policy.toml, or the file that WUDF_POLICY or --policy
  names) nothing runs that this key has not signed, in the program and in every engine. Rules make
  exceptions; the first one that matches decides:
      [[rule]]
      references = [\"oci://registry.example/team/*\", \"/opt/plugins/*.wasm\"]
      keys = [\"other.pub\"]
  What wudf itself brings needs no signature.

Exit status:
  0    it is signed, by the key that is said
  3    it could not be looked at
  4    it is not signed by any of the keys";

/// How registries are used, and what may run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registries")]
pub struct RegistryArgs {
    /// Takes from the local store what registries have, and asks none
    #[arg(long)]
    pub offline: bool,

    /// Speaks to registries on other machines without TLS
    #[arg(long)]
    pub plain_http: bool,

    /// The lock file; wudf.lock where this folder has one
    #[arg(long, value_name = "FILE", env = "WUDF_LOCK", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub lock: Option<PathBuf>,

    /// Refuses what the lock file does not pin
    #[arg(long)]
    pub locked: bool,

    /// The file that says whose signatures count (see `wudf verify --help`)
    #[arg(long, value_name = "FILE", env = "WUDF_POLICY", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
}

/// The lock file's name where none is given.
pub const LOCK: &str = "wudf.lock";

impl RegistryArgs {
    /// What adapters make of it.
    pub fn registries(&self) -> Registries {
        let here = || Path::new(LOCK).is_file().then(|| LOCK.into());
        Registries {
            store: None,
            offline: self.offline,
            plain_http: self.plain_http,
            lock: self.lock.clone().or_else(here),
            locked: self.locked,
            policy: self.policy.clone(),
        }
    }
}

#[derive(Args, Debug)]
pub struct PushArgs {
    /// A plugin (.wasm) or a model (.onnx; files that it keeps weights in go with it)
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Where to: oci://HOST/NAME:TAG
    #[arg(value_name = "REFERENCE")]
    pub reference: String,

    /// The model that stands for a name that the plugin asks for; may be repeated
    ///
    /// It is tied to the plugin by digest, and runs where the user names no other.
    #[arg(long = "model", value_name = "NAME=REFERENCE", value_parser = key_value)]
    pub models: Vec<(String, String)>,

    /// A further annotation of the manifest; may be repeated
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = key_value)]
    pub annotations: Vec<(String, String)>,

    /// Speaks to registries on other machines without TLS
    #[arg(long)]
    pub plain_http: bool,
}

#[derive(Args, Debug)]
pub struct PullArgs {
    /// What to get: oci://HOST/NAME:TAG or oci://HOST/NAME@sha256:HEX
    #[arg(value_name = "REFERENCE")]
    pub reference: String,

    /// Writes it to a file, too; a model of several files to a folder
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub registries: RegistryArgs,
}

#[derive(Args, Debug)]
pub struct ListArgs {
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct RemoveArgs {
    /// What to remove
    #[arg(value_name = "REFERENCE", required = true)]
    pub references: Vec<String>,
}

#[derive(Args, Debug)]
pub struct UpdateArgs {
    /// What to pin or to move; all that is pinned when left out
    #[arg(value_name = "REFERENCE")]
    pub references: Vec<String>,

    /// The lock file
    #[arg(long, value_name = "FILE", env = "WUDF_LOCK", default_value = LOCK, hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub lock: PathBuf,

    /// Says what would change, and changes nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Speaks to registries on other machines without TLS
    #[arg(long)]
    pub plain_http: bool,

    /// The file that says whose signatures count (see `wudf verify --help`)
    #[arg(long, value_name = "FILE", env = "WUDF_POLICY", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Makes a key pair: NAME.key, which signs, and NAME.pub, which others check with
    ///
    /// The password comes from WUDF_KEY_PASSWORD or COSIGN_PASSWORD, else it is asked for.
    New {
        /// The path of both files, without their endings
        name: PathBuf,
    },
}

#[derive(Args, Debug)]
pub struct SignArgs {
    /// A .wasm file, or a reference: oci://HOST/NAME:TAG
    #[arg(value_name = "FILE|REFERENCE", value_hint = ValueHint::FilePath)]
    pub plugin: String,

    /// The private key; its password comes from WUDF_KEY_PASSWORD or COSIGN_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: PathBuf,

    /// Speaks to registries on other machines without TLS
    #[arg(long)]
    pub plain_http: bool,
}

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// A .wasm file, or a reference: oci://HOST/NAME:TAG
    #[arg(value_name = "FILE|REFERENCE", value_hint = ValueHint::FilePath)]
    pub plugin: String,

    /// A public key whose signature counts; may be repeated. The policy's when left out
    #[arg(long = "key", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub keys: Vec<PathBuf>,

    #[command(flatten)]
    pub registries: RegistryArgs,
}
