//! Where output goes: a file that appears when it is complete, or stdout.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempPath;

pub type Writer = Box<dyn Write + Send>;

/// The file that an interrupt is to remove. While it is locked no file comes or goes.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

static BROKEN_PIPE: AtomicBool = AtomicBool::new(false);

/// Where a writer's bytes end up.
#[derive(Debug)]
pub enum Place {
    /// Written elsewhere as long as it is incomplete.
    Beside {
        temporary: Option<TempPath>,
        path: PathBuf,
    },
    /// Written where it stays.
    Direct,
}

impl Place {
    pub fn stdout() -> (Self, Writer) {
        // LineWriter would flush at every newline.
        (
            Self::Direct,
            Box::new(BufWriter::with_capacity(1 << 16, Stdout)),
        )
    }

    /// A hidden file in the same folder, so that renaming it is one step and never a copy.
    pub fn beside(path: &Path) -> Result<(Self, Writer)> {
        // Devices and named pipes are not replaced; a link's target is, the link stays.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Ok((Self::Direct, Box::new(BufWriter::new(File::create(&path)?))));
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // The error below would name the hidden file, of which nobody knows.
        ensure!(folder.is_dir(), "there is no folder {}", folder.display());
        let name = path
            .file_name()
            .context("it has no name")?
            .to_string_lossy();
        let prefix = format!(".{name}.tmp-{}", std::process::id());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).rand_bytes(0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As for any other new file: the umask takes away what it must.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, temporary) = builder.tempfile_in(folder)?.into_parts();
        *unfinished = Some(temporary.to_path_buf());
        drop(unfinished);
        let place = Self::Beside {
            temporary: Some(temporary),
            path,
        };
        Ok((place, Box::new(BufWriter::with_capacity(1 << 18, file))))
    }

    /// Gives the file its name.
    pub fn keep(mut self) -> Result<()> {
        if let Self::Beside { temporary, path } = &mut self
            && let Some(temporary) = temporary.take()
        {
            let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
            temporary.persist(path)?;
            *unfinished = None;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Beside { temporary, .. } = self
            && temporary.is_some()
        {
            let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
            *temporary = None;
            *unfinished = None;
        }
    }
}

/// Removes what is unfinished and ends the process; for signals, on a thread of their own.
pub fn clean_up_and_exit(status: i32) -> ! {
    // Kept locked to the end: nothing is renamed after this.
    let unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = unfinished.as_deref() {
        let _ = std::fs::remove_file(path);
    }
    eprintln!("interrupted");
    std::process::exit(status)
}

/// Whether a write to stdout failed because nobody reads any more, as with `| head`.
pub fn broken_pipe() -> bool {
    BROKEN_PIPE.load(Ordering::Relaxed)
}

/// Stdout that remembers a broken pipe, whatever the layers above make of the error.
struct Stdout;

impl Stdout {
    fn note<T>(result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            BROKEN_PIPE.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::note(io::stdout().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::note(io::stdout().lock().flush())
    }
}
