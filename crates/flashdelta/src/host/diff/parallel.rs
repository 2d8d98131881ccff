//! Two things at the same time.

/// Both results, found at the same time if there are threads for it.
pub(crate) fn in_parallel<A: Send, B>(
    threads: usize,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B,
) -> (A, B) {
    if threads < 2 {
        return (a(), b());
    }
    std::thread::scope(|scope| {
        let running = scope.spawn(a);
        let b = b();
        match running.join() {
            Ok(a) => (a, b),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
