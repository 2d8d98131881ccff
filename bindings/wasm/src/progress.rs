//! How far the work has come, told to a callback of JavaScript's.

use std::cell::RefCell;
use std::ops::ControlFlow;

use js_sys::Function;
use wasm_bindgen::JsValue;

/// Progress by less than one part of this many is not worth a call.
const STEPS: f32 = 200.0;

/// Who is told, and what came of it.
#[derive(Default)]
struct Listener {
    callback: Option<Function>,
    /// The last step that was told.
    last: u32,
    /// What the callback threw.
    thrown: Option<JsValue>,
}

thread_local! {
    // The library takes callbacks that any thread may call; a value of JavaScript is no such thing,
    // and there is only one thread.
    static LISTENER: RefCell<Listener> = RefCell::default();
}

/// Runs `work`, during which [`tell`] calls `callback`. What the callback throws is thrown on, in
/// place of what came of the work.
pub(crate) fn told<T>(
    callback: Option<Function>,
    work: impl FnOnce() -> Result<T, JsValue>,
) -> Result<T, JsValue> {
    LISTENER.with_borrow_mut(|listener| *listener = Listener { callback, ..Listener::default() });
    let result = work();
    let thrown = LISTENER.take().thrown;
    thrown.map_or(result, Err)
}

/// Calls back, if this is news. The work is given up if the callback returns `false`, or throws.
pub(crate) fn tell(phase: &str, fraction: f32) -> ControlFlow<()> {
    let step = (fraction * STEPS) as u32;
    // The callback may not find the listener borrowed: it may call us, too.
    let callback = LISTENER.with_borrow_mut(|listener| {
        let is_news = listener.last < step;
        listener.last = listener.last.max(step);
        listener.callback.clone().filter(|_| is_news)
    });
    let Some(callback) = callback else { return ControlFlow::Continue(()) };
    match callback.call2(&JsValue::NULL, &phase.into(), &fraction.into()) {
        Ok(answer) if answer == JsValue::FALSE => ControlFlow::Break(()),
        Ok(_) => ControlFlow::Continue(()),
        Err(thrown) => {
            LISTENER.with_borrow_mut(|listener| listener.thrown = Some(thrown));
            ControlFlow::Break(())
        }
    }
}
