//! JavaScript, by componentize-js, which is a library of Node's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{How, tools};
use crate::project::{Project, Sources};

const PACKAGE: &str = "@bytecodealliance/componentize-js";
/// The version that is tested.
const TESTED: &str = "0.23";

/// The command line of jco, which does the same, is not tested here. Options come as JSON.
const SCRIPT: &str = r#"
import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';
const { output, ...options } = JSON.parse(process.argv[1]);
try {
  const { component } = await componentize(options);
  await writeFile(output, component);
} catch (error) {
  console.error(error.message ?? error);
  process.exit(1);
}
"#;

/// Makes a component of the module that the manifest names, and of what it imports.
pub fn compile(
    project: &Project,
    sources: &Sources,
    world: &str,
    how: &How<'_>,
) -> Result<Vec<u8>> {
    if !how.more.is_empty() {
        bail!("arguments after `--` are not supported for JavaScript: componentize-js takes none");
    }
    let node = tools::find("node", &[]).context(
        "node is not installed: run `apt install nodejs`, or see https://nodejs.org (20 or later)",
    )?;
    let version = installed(&project.folder)?;
    tools::check_version(PACKAGE, &version, TESTED, how.talk);
    let output = project.target.join("wudf").join("javascript.wasm");
    let options = json!({
        "sourcePath": sources.files.first(),
        "witPath": sources.wit,
        "worldName": world,
        "disableFeatures": sources.disable_features,
        "output": output,
    });
    let mut command = Command::new(node);
    command
        .current_dir(&project.folder)
        .args(["--input-type=module", "--eval", SCRIPT])
        .arg(options.to_string());
    let doing = format!("building {} with {PACKAGE} {version}", project.about.name);
    tools::run(&mut command, &doing, how.talk)?;
    let bytes = fs::read(&output).with_context(|| format!("cannot read {}", output.display()))?;
    let _ = fs::remove_file(&output);
    Ok(bytes)
}

/// The version of the package that Node finds from this folder.
fn installed(folder: &Path) -> Result<String> {
    let manifest = |folder: &Path| -> PathBuf {
        folder
            .join("node_modules")
            .join(PACKAGE)
            .join("package.json")
    };
    let text = folder
        .ancestors()
        .find_map(|folder| fs::read_to_string(manifest(folder)).ok());
    let Some(text) = text else {
        let own = fs::read_to_string(folder.join("package.json")).unwrap_or_default();
        match own.contains(PACKAGE) {
            true => bail!(
                "{PACKAGE} is not installed: run `npm install` in {}",
                folder.display()
            ),
            false => bail!(
                "{PACKAGE} is not installed: run `npm install --save-dev {PACKAGE}@{TESTED}` in {}",
                folder.display()
            ),
        }
    };
    let package: Value = serde_json::from_str(&text)
        .with_context(|| format!("the package.json of {PACKAGE} is not valid"))?;
    Ok(package["version"].as_str().unwrap_or_default().to_owned())
}
