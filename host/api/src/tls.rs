//! TLS: rustls with ring. Certificates are renewed in their files; connections that come after that get the new ones.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::config::TlsFiles;

/// Makes TLS connections of TCP ones, with whatever certificate is in the files.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<TlsAcceptor>,
}

/// What is in the two files.
type Pem = (Vec<u8>, Vec<u8>);

impl Tls {
    /// With the certificate that is there now.
    pub fn new(files: &TlsFiles) -> Result<Self, String> {
        let acceptor = acceptor(files, &read(files)?)?;
        Ok(Self { files: files.clone(), current: RwLock::new(acceptor) })
    }

    /// For the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the files again and again, and never ends. What is in them counts, not their times: a link that now leads
    /// elsewhere is a change too. Files that don't go together, as while they are replaced one after the other, change nothing.
    pub async fn follow(&self, every: Duration) -> ! {
        let mut seen = self.read().await.ok();
        let mut told = None;
        loop {
            tokio::time::sleep(every).await;
            let renewed = match self.read().await {
                Ok(pem) if Some(&pem) == seen.as_ref() => continue,
                Ok(pem) => acceptor(&self.files, &pem).map(|acceptor| (pem, acceptor)),
                Err(error) => Err(error),
            };
            match renewed {
                Ok((pem, acceptor)) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                    tracing::info!(file = %self.files.certificates.display(), "a new certificate is in use");
                    (seen, told) = (Some(pem), None);
                }
                Err(error) if told.as_ref() == Some(&error) => {}
                Err(error) => {
                    tracing::warn!(error, "the new certificate can't be used; the one before goes on");
                    told = Some(error);
                }
            }
        }
    }

    async fn read(&self) -> Result<Pem, String> {
        let files = self.files.clone();
        let read = tokio::task::spawn_blocking(move || read(&files)).await;
        read.unwrap_or_else(|error| Err(error.to_string()))
    }
}

fn at(path: &Path, what: &str) -> String {
    format!("{}: {what}", path.display())
}

fn read(files: &TlsFiles) -> Result<Pem, String> {
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| at(path, &format!("can't be read: {error}")));
    Ok((read(&files.certificates)?, read(&files.key)?))
}

fn acceptor(files: &TlsFiles, (certificates, key): &Pem) -> Result<TlsAcceptor, String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(|error| at(&files.certificates, &format!("no PEM file with certificates: {error}")))?;
    if chain.is_empty() {
        return Err(at(&files.certificates, "there is no certificate in it"));
    }
    let secret = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| at(&files.key, &format!("no PEM file with a private key: {error}")))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| {
            at(&files.key, &format!("the key and the certificate don't go together: {error}"))
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
