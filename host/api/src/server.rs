//! Listens, hands connections to the app, and drains.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use millstream_errors::{Code, Coded};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::{JoinSet, yield_now},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    access_log::AccessLog,
    app::App,
    backend::Backend,
    body::Source,
    config::Config,
    connections::{Connection, Connections},
    files,
    metrics::Metrics,
    stream::Watched,
    tls::Tls,
};

/// Longest head of a request.
const HEAD_BYTES: usize = 64 << 10;
/// Connections beyond the limit that are told so at once; more are closed without a word.
const TURNED_AWAY: usize = 32;
/// Their heads must come soon.
const TURNED_AWAY_HEAD: Duration = Duration::from_secs(5);

/// Serves a backend over HTTP.
pub struct Server<B> {
    listener: TcpListener,
    tls: Option<Tls>,
    app: Arc<App<B>>,
}

/// Why the server did not start. Says what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    pub(crate) fn new(why: String) -> Self {
        Self(why)
    }
}

impl Coded for StartError {
    fn code(&self) -> Code {
        Code::ServerNotStarted
    }
}

/// How the end was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut off because their requests took too long.
    pub cut_off: usize,
}

impl<B: Backend> Server<B> {
    /// Takes the address. From here on clients can connect; [`Self::run`] answers them.
    pub async fn bind(config: &Config, backend: B) -> Result<Self, StartError> {
        config.check(backend.has_keys()).map_err(StartError)?;
        let tls = config.tls.as_ref().map(Tls::new).transpose().map_err(StartError)?;
        let log = config.access_log.as_ref().map(AccessLog::open).transpose();
        let log = log.map_err(|error| StartError(format!("the access log can't be opened: {error}")))?;
        let listener = TcpListener::bind(config.address).await.map_err(|error| {
            let address = config.address;
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => "another program has it; choose another port with --port",
                io::ErrorKind::AddrNotAvailable => "this machine has no such address",
                io::ErrorKind::PermissionDenied => "ports below 1024 need the administrator's rights",
                _ => "check the address",
            };
            StartError(format!("can't listen on {address}: {error}; {hint}"))
        })?;
        let app = Arc::new(App::new(config, backend, log, Metrics::default()));
        Ok(Self { listener, tls, app })
    }

    /// Where it listens: the port is chosen by the system if the configuration said 0.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What stands behind the routes.
    pub fn backend(&self) -> &B {
        &self.app.backend
    }

    /// Answers until `stop` comes, then lets the requests in flight finish, for as long as the limits say.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Drained {
        let Self { listener, tls, app } = self;
        let renewal = async {
            match &tls {
                Some(tls) => tls.follow(app.limits.certificates).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(renewal);
        let graceful = GracefulShutdown::new();
        let places = Connections::new(files::connections(app.limits.connections));
        let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
        let mut connections = JoinSet::new();
        let ending = async {
            stop.await;
            app.drain();
            // Connections are still taken: a load balancer needs time to see what `/ping` says.
            sleep(app.limits.drain_notice).await;
        };
        tokio::pin!(ending);
        loop {
            tokio::select! {
                () = &mut ending => break,
                () = &mut renewal => {}
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let (app, tls) = (app.clone(), tls.as_ref().map(Tls::acceptor));
                        let watcher = graceful.watcher();
                        match places.enter(peer.ip()) {
                            Some(place) => {
                                connections.spawn(async move {
                                    let _open = app.metrics.connected();
                                    tokio::select! {
                                        () = connection(&app, stream, peer, tls, watcher, Some(&place.connection)) => {}
                                        () = place.connection.let_go() => {
                                            app.metrics.let_go();
                                            tracing::debug!(%peer, "a connection made room for another");
                                        }
                                    }
                                });
                            }
                            None => {
                                app.metrics.turned_away();
                                // The semaphore is never closed; without a permit the connection is just closed.
                                if let Ok(permit) = turned_away.clone().try_acquire_owned() {
                                    connections.spawn(async move {
                                        let _permit = permit;
                                        connection(&app, stream, peer, tls, watcher, None).await;
                                    });
                                }
                            }
                        }
                        // Whoever was let go gets to close.
                        yield_now().await;
                    }
                    // Out of file descriptors, most likely: others must be closed first.
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        if !places.let_one_go() {
                            sleep(Duration::from_millis(50)).await;
                        }
                        yield_now().await;
                    }
                },
            }
        }
        drop(listener);
        let finished = async {
            graceful.shutdown().await;
            app.background_done().await;
        };
        let in_time = timeout(app.limits.drain, finished).await.is_ok();
        // Those that have answered may still be on their way out of the set.
        while connections.try_join_next().is_some() {}
        let cut_off = if in_time { 0 } else { connections.len() };
        connections.shutdown().await;
        Drained { cut_off }
    }
}

/// One connection. Without a place among those that are answered it is told to come back.
async fn connection<B: Backend>(
    app: &Arc<App<B>>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    watcher: Watcher,
    place: Option<&Arc<Connection>>,
) {
    // Answers are written whole: waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(app, stream, peer, watcher, place).await,
        Some(tls) => match timeout(app.limits.handshake, tls.accept(stream)).await {
            Ok(Ok(stream)) => serve(app, stream, peer, watcher, place).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS handshake"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
        },
    }
}

async fn serve<B: Backend>(
    app: &Arc<App<B>>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    watcher: Watcher,
    place: Option<&Arc<Connection>>,
) {
    let limits = &app.limits;
    let connection = place.cloned().unwrap_or_else(|| Connection::alone(peer.ip()));
    let stream = Watched::new(stream, connection.clone(), limits.answer_grace, limits.answer_rate);
    let is_full = place.is_none();
    let service = service_fn(|request: Request<Incoming>| {
        let (app, connection) = (app.clone(), connection.clone());
        let request = request.map(Source::Connection);
        async move {
            Ok::<_, Infallible>(if is_full {
                app.turn_away(request, peer, &connection)
            } else {
                app.handle(request, peer, &connection).await
            })
        }
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(if is_full { TURNED_AWAY_HEAD.min(limits.head) } else { limits.head })
        .max_header_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(http).await {
        // A client that went away, or that does not speak HTTP.
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// Resolves when the process is asked to stop: Ctrl-C, or SIGTERM where there is one.
pub async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return interrupt.await };
        tokio::select! {
            () = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}
