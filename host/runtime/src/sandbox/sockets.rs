//! No sockets. wasmtime-wasi makes them, each a file of the process's, and then lets nobody
//! use them: a plugin could leave the process without files to open.

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime::{Error, Result};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket;
use wasmtime_wasi::p2::bindings::sync::sockets::udp_create_socket;
use wasmtime_wasi::p2::{Network, SocketError, SocketResult, TcpSocket, UdpSocket};

use crate::instance::State;

/// Puts what makes none in the place of what a linker has.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    tcp_create_socket::add_to_linker::<State, NoSockets>(linker, |_| NoSockets)?;
    udp_create_socket::add_to_linker::<State, NoSockets>(linker, |_| NoSockets)
}

struct NoSockets;

impl HasData for NoSockets {
    type Data<'a> = Self;
}

fn denied<T>() -> SocketResult<T> {
    Err(SocketError::from(ErrorCode::AccessDenied))
}

impl network::Host for NoSockets {
    fn convert_error_code(&mut self, error: SocketError) -> Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(&mut self, _: Resource<Error>) -> Result<Option<ErrorCode>> {
        Ok(None)
    }
}

impl network::HostNetwork for NoSockets {
    fn drop(&mut self, _: Resource<Network>) -> Result<()> {
        Ok(())
    }
}

impl tcp_create_socket::Host for NoSockets {
    fn create_tcp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        denied()
    }
}

impl udp_create_socket::Host for NoSockets {
    fn create_udp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        denied()
    }
}
