//! WASI's streams and polls, for a sandbox in which nothing takes time.
//!
//! wasmtime-wasi's own may wait, for which they enter a tokio runtime: that neither works on
//! a thread that drives one already, as engines' threads do, nor is it wanted. What a plugin
//! has is always ready: what it prints, an input at its end, clocks that stand still. So the
//! asynchronous implementation is asked once, and an answer that is not there is an error.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime::{Error, Result};
use wasmtime_wasi::p2::bindings::io::poll::{Host as AsyncPoll, HostPollable as AsyncPollable};
use wasmtime_wasi::p2::bindings::io::streams::{
    Host as AsyncHost, HostInputStream as AsyncInput, HostOutputStream as AsyncOutput,
};
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};

use crate::instance::State;

/// Puts them in the place of those that a linker has.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    poll::add_to_linker::<State, Io<'static>>(linker, |state| Io(&mut state.table))?;
    streams::add_to_linker::<State, Io<'static>>(linker, |state| Io(&mut state.table))
}

/// Streams and pollables are kept in the store's table.
struct Io<'a>(&'a mut ResourceTable);

impl HasData for Io<'static> {
    type Data<'a> = Io<'a>;
}

/// What comes of a future that need not wait.
fn now<T>(future: impl Future<Output = T>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(Error::msg("waits for something, which a sandbox has not")),
    }
}

/// The same of what streams give.
fn stream<T>(future: impl Future<Output = StreamResult<T>>) -> StreamResult<T> {
    now(future).map_err(StreamError::Trap)?
}

impl poll::Host for Io<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        now(AsyncPoll::poll(self.0, pollables))?
    }
}

impl poll::HostPollable for Io<'_> {
    fn ready(&mut self, this: Resource<DynPollable>) -> Result<bool> {
        now(AsyncPollable::ready(self.0, this))?
    }

    fn block(&mut self, this: Resource<DynPollable>) -> Result<()> {
        now(AsyncPollable::block(self.0, this))?
    }

    fn drop(&mut self, this: Resource<DynPollable>) -> Result<()> {
        AsyncPollable::drop(self.0, this)
    }
}

impl streams::Host for Io<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        Ok(AsyncHost::convert_stream_error(self.0, error)?.into())
    }
}

impl streams::HostInputStream for Io<'_> {
    fn read(&mut self, this: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        AsyncInput::read(self.0, this, len)
    }

    fn blocking_read(&mut self, this: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        stream(AsyncInput::blocking_read(self.0, this, len))
    }

    fn skip(&mut self, this: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        AsyncInput::skip(self.0, this, len)
    }

    fn blocking_skip(&mut self, this: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        stream(AsyncInput::blocking_skip(self.0, this, len))
    }

    fn subscribe(&mut self, this: Resource<DynInputStream>) -> Result<Resource<DynPollable>> {
        AsyncInput::subscribe(self.0, this)
    }

    fn drop(&mut self, this: Resource<DynInputStream>) -> Result<()> {
        now(AsyncInput::drop(self.0, this))?
    }
}

impl streams::HostOutputStream for Io<'_> {
    fn check_write(&mut self, this: Resource<DynOutputStream>) -> StreamResult<u64> {
        AsyncOutput::check_write(self.0, this)
    }

    fn write(&mut self, this: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        AsyncOutput::write(self.0, this, bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        this: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        stream(AsyncOutput::blocking_write_and_flush(self.0, this, bytes))
    }

    fn flush(&mut self, this: Resource<DynOutputStream>) -> StreamResult<()> {
        AsyncOutput::flush(self.0, this)
    }

    fn blocking_flush(&mut self, this: Resource<DynOutputStream>) -> StreamResult<()> {
        stream(AsyncOutput::blocking_flush(self.0, this))
    }

    fn subscribe(&mut self, this: Resource<DynOutputStream>) -> Result<Resource<DynPollable>> {
        AsyncOutput::subscribe(self.0, this)
    }

    fn write_zeroes(&mut self, this: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        AsyncOutput::write_zeroes(self.0, this, len)
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        this: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        stream(AsyncOutput::blocking_write_zeroes_and_flush(
            self.0, this, len,
        ))
    }

    fn splice(
        &mut self,
        this: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        AsyncOutput::splice(self.0, this, from, len)
    }

    fn blocking_splice(
        &mut self,
        this: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        stream(AsyncOutput::blocking_splice(self.0, this, from, len))
    }

    fn drop(&mut self, this: Resource<DynOutputStream>) -> Result<()> {
        now(AsyncOutput::drop(self.0, this))?
    }
}
