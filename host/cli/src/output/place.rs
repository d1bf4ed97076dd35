//! Where output goes: a file that appears when it is complete, or stdout.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempPath;

pub type Writer = Box<dyn Write + Send>;

/// The files that an interrupt is to remove. While they are locked none comes or goes.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The bytes of an output's name that its temporary one has, and the random ones behind them.
const NAME: usize = 200;
const RANDOM: usize = 8;

/// How old a file is that nobody is about to lock.
const STALE: Duration = Duration::from_secs(60);

static BROKEN_PIPE: AtomicBool = AtomicBool::new(false);

/// Where a writer's bytes end up.
#[derive(Debug)]
pub enum Place {
    /// Written elsewhere as long as it is incomplete.
    Beside {
        temporary: Option<TempPath>,
        /// The same file as the writer's.
        file: File,
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
        if let Some(stream) = own_stream(path) {
            return match stream {
                1 => Ok(Self::stdout()),
                // Opened to append: what the shell's redirection has in it stays.
                _ => {
                    let file = File::options().append(true).open(path)?;
                    Ok((Self::Direct, Box::new(BufWriter::new(file))))
                }
            };
        }
        // Devices and named pipes are not replaced; a link's target is, the link stays.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let before = path.metadata().ok();
        if before.as_ref().is_some_and(|metadata| !metadata.is_file()) {
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
        let end = name.floor_char_boundary(NAME);
        let prefix = format!(".{}.tmp-", &name[..end]);
        sweep(folder, &prefix);
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).rand_bytes(RANDOM);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As for any other new file: the umask takes away what it must.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, temporary) = builder.tempfile_in(folder)?.into_parts();
        unfinished.push(temporary.to_path_buf());
        drop(unfinished);
        // Not every file system has locks; without one it is swept no sooner than it is old.
        let _ = file.try_lock();
        if let Some(before) = before {
            let _ = file.set_permissions(before.permissions());
        }
        let place = Self::Beside {
            temporary: Some(temporary),
            file: file.try_clone()?,
            path,
        };
        Ok((place, Box::new(BufWriter::with_capacity(1 << 18, file))))
    }

    /// Gives the file its name.
    pub fn keep(mut self) -> Result<()> {
        if let Self::Beside {
            temporary,
            file,
            path,
        } = &mut self
            && let Some(temporary) = temporary.take()
        {
            // A name that outlives a power cut is one of bytes that do.
            file.sync_all()?;
            let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
            let hidden = temporary.to_path_buf();
            temporary.persist(path)?;
            unfinished.retain(|path| *path != hidden);
        }
        Ok(())
    }
}

/// The number of the program's own stream that a path stands for.
fn own_stream(path: &Path) -> Option<u32> {
    match path.to_str()? {
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        path => {
            let number = path.strip_prefix("/dev/fd/");
            let number = number.or_else(|| path.strip_prefix("/proc/self/fd/"))?;
            number.parse().ok()
        }
    }
}

/// Removes what runs that were killed left of this output: files that nobody has locked and that are not about to be.
fn sweep(folder: &Path, prefix: &str) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let random = name.strip_prefix(prefix);
        if random.is_none_or(|random| random.len() != RANDOM) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else {
            continue;
        };
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let old = modified
            .ok()
            .and_then(|modified| modified.elapsed().ok())
            .is_some_and(|age| age > STALE);
        if old && file.try_lock().is_ok() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Beside { temporary, .. } = self
            && let Some(temporary) = temporary.take()
        {
            let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
            let hidden = temporary.to_path_buf();
            drop(temporary);
            unfinished.retain(|path| *path != hidden);
        }
    }
}

/// Removes what is unfinished and ends the process; for signals, on a thread of their own.
pub fn clean_up_and_exit(status: i32) -> ! {
    // Kept locked to the end: nothing is renamed after this.
    let unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    for path in unfinished.iter() {
        let _ = std::fs::remove_file(path);
    }
    // Whoever read stderr may be gone, too.
    let _ = writeln!(io::stderr(), "interrupted");
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
