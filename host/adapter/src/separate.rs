//! Plugins that come with wudf as files of their own, since they are as large as the rest of it:
//! `python.wasm`, which runs functions of Python source.
//!
//! A file is looked for by name in a few folders, the same ones for every engine, and is then
//! a file as any other: a policy may want it signed.

use std::path::{Path, PathBuf};

/// The plugins' names; each is a file `NAME.wasm`.
pub const NAMES: &[&str] = &["python"];

/// The variable that names a folder to look into before all others.
pub const VARIABLE: &str = "WUDF_PLUGINS";

/// The file of a plugin of this name, if there is such a plugin and one of the
/// [`folders`] has it.
pub fn file(name: &str) -> Option<PathBuf> {
    let name = NAMES.iter().find(|known| **known == name)?;
    let folders = folders().into_iter();
    let mut files = folders.map(|folder| folder.join(format!("{name}.wasm")));
    files.find(|file| file.is_file())
}

/// Where plugins are looked for, in this order: the folder that `WUDF_PLUGINS` names;
/// `wudf/plugins` of the user's data folder, which is `$XDG_DATA_HOME` or `~/.local/share`;
/// `share/wudf/plugins` of where this program is installed, of `/usr/local` and of `/usr`.
pub fn folders() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    let home = || Some(std::env::home_dir()?.join(".local/share"));
    let data = variable("XDG_DATA_HOME").filter(absolute).or_else(home);
    // PREFIX/bin/wudf
    let program = std::env::current_exe().ok();
    let prefix = program
        .as_deref()
        .and_then(|program| program.parent()?.parent());
    let system = [Path::new("/usr/local"), Path::new("/usr")];
    let shared = prefix.into_iter().chain(system);
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in variable(VARIABLE)
        .into_iter()
        .chain(data.map(|data| data.join("wudf/plugins")))
        .chain(shared.map(|prefix| prefix.join("share/wudf/plugins")))
    {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// Where a plugin of this name was looked for in vain, and what to do, for people. None when there is no
/// such plugin.
pub(crate) fn missing(name: &str) -> Option<String> {
    let name = NAMES.iter().find(|known| **known == name)?;
    let folders = folders();
    let folders: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
    Some(format!(
        "the plugin {name} is a file of its own, {name}.wasm, and in none of the folders {}: put it into one of them, \
         or set {VARIABLE} to the folder that has it (`make {name}-plugin` in wudf's repository makes it)",
        folders.join(", ")
    ))
}
