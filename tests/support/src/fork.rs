//! Forked processes.

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
    fn alarm(seconds: u32) -> u32;
    fn _exit(status: i32) -> !;
}

/// Says whether something holds in a process that is forked from this one, which then ends
/// without running handlers or destructors; after a minute in any case.
///
/// # Safety
/// `holds` runs where this process's other threads are not: it must wait for none of them, nor
/// for a lock that one of them could have.
///
/// # Panics
/// When there can be no other process, or it ends without an answer.
pub unsafe fn holds_in_a_fork(holds: impl FnOnce() -> bool) -> bool {
    const YES: i32 = 7;
    const NO: i32 = 8;
    // SAFETY: the caller answers for what the child does.
    let child = unsafe { fork() };
    assert!(child >= 0, "no process can be forked");
    if child == 0 {
        // SAFETY: takes a number.
        unsafe { alarm(60) };
        let status = if holds() { YES } else { NO };
        // SAFETY: takes a number.
        unsafe { _exit(status) };
    }
    let mut status = 0;
    // SAFETY: waits for the child, and writes a number.
    assert_eq!(unsafe { waitpid(child, &raw mut status, 0) }, child);
    assert!(
        status == YES << 8 || status == NO << 8,
        "the child ended with {status:#x}"
    );
    status == YES << 8
}
