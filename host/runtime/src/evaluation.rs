//! Batches that an async engine waits for without a thread.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use arrow_array::ArrayRef;

use crate::cancel::{CallOptions, CancellationToken};
use crate::function::{Function, Output};
use crate::{Error, ErrorKind, Result};

/// Batches of one session that may be running at one time; more wait for their turn.
const MOST: usize = 64;

/// A batch that runs on the runtime's threads: see [`Function::evaluate_async`]. When it is
/// dropped before it is done the batch is cancelled.
#[must_use = "a batch is cancelled when nobody waits for it"]
pub struct Evaluation {
    state: Arc<Mutex<State>>,
    cancel: CancellationToken,
}

enum State {
    /// With whoever is to be told.
    Running(Option<Waker>),
    Done(Result<Output>),
    Taken,
}

impl Function {
    /// As [`Function::evaluate_with`], on a thread of the runtime: for engines whose own
    /// threads must not wait, for models on devices above all. `rows` is what counts
    /// where there are no arguments. Begins at once, whether polled or not.
    ///
    /// # Errors
    /// The future's are those of [`Function::evaluate_with`].
    pub fn evaluate_async(
        &self,
        arguments: Vec<ArrayRef>,
        rows: usize,
        options: CallOptions,
    ) -> Evaluation {
        let cancel = match options.token().cloned() {
            Some(theirs) => CancellationToken::polling(move || theirs.is_cancelled()),
            None => CancellationToken::new(),
        };
        let options = options.cancel(cancel.clone());
        let state = Arc::new(Mutex::new(State::Running(None)));
        let (function, answer) = (self.clone(), Answer(Arc::clone(&state)));
        let span = tracing::Span::current();
        let shared = &self.0.plugin.shared;
        let most = shared.threads.max(MOST);
        shared.runtime.pool.spawn(&shared.callers, most, move || {
            let _entered = span.enter();
            let output = match arguments.is_empty() {
                true => function.evaluate_rows_with(rows, &options),
                false => function.evaluate_with(&arguments, &options),
            };
            // What the caller lent is given back before the caller hears of it.
            drop((arguments, function));
            answer.give(output);
        });
        Evaluation { state, cancel }
    }
}

/// Who owes the answer. One who is gone without it has panicked.
struct Answer(Arc<Mutex<State>>);

impl Answer {
    fn give(&self, output: Result<Output>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Running(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Done(output);
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let message = "the batch was dropped: its runtime has ended, or the host panicked";
        self.give(Err(Error::new(ErrorKind::Sandbox, message)));
    }
}

impl Future for Evaluation {
    type Output = Result<Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Running(waker) = &mut *state {
            match waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => *waker = Some(context.waker().clone()),
            }
            return Poll::Pending;
        }
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(output) => Poll::Ready(output),
            _ => Poll::Ready(Err(Error::new(
                ErrorKind::InvalidArguments,
                "the result of this batch has been taken already",
            ))),
        }
    }
}

impl Drop for Evaluation {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluation").finish_non_exhaustive()
    }
}
