//! Signs the list of checksums with minisign, and verifies such signatures.

use anyhow::Context as _;
use base64::Engine as _;
use minisign::{KeyPair, SecretKey, SecretKeyBox};

use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask_deliver::release::plan::{Plan, Release};
use nexus_xtask_deliver::release::protocol::stage::{REHEARSAL, Signing};

/// Signs a list of checksums. The signed comment names the commit's time, its tag and itself, and nothing that differs
/// from one run to the next.
pub(crate) fn sign(
    environment: &Environment,
    signing: &Signing,
    plan: &Plan,
    release: &Release,
    text: &str,
) -> Result<String> {
    let key = if signing.rehearsal {
        KeyPair::generate_unencrypted_keypair().map_err(anyhow::Error::from)?.sk
    } else {
        secret_key(environment)?
    };
    let mut comment = format!(
        "timestamp:{}\tfile:SHA256SUMS\ttag:{}\tcommit:{}",
        plan.commit_time, release.tag, plan.commit
    );
    if signing.rehearsal {
        comment = format!("{REHEARSAL}\t{comment}");
    }
    let signature = minisign::sign(None, &key, text.as_bytes(), Some(&comment), Some("minisign signature"))
        .map_err(anyhow::Error::from)?
        .into_string();
    if !signing.rehearsal {
        verify(&signing.public_key, text.as_bytes(), &signature).map_err(|why| {
            Failure::usage("the secret key is not the one that the public key belongs to")
                .why(why)
                .next("set MINISIGN_SECRET_KEY to the key of `signing.public_key`")
        })?;
    }
    Ok(signature)
}

/// The key in the environment: the text of the file, or the line with the key alone.
fn secret_key(environment: &Environment) -> Result<SecretKey> {
    let text = environment.get("MINISIGN_SECRET_KEY").unwrap_or_default();
    let password = environment.get("MINISIGN_PASSWORD").unwrap_or_default();
    read_key(text, password).map_err(|error| {
        // The error is about the key, and never quotes it.
        Failure::refused("MINISIGN_SECRET_KEY holds no key that can be used").why(error.to_string()).next(
            "set it to the text of the file that `minisign -G` wrote, and MINISIGN_PASSWORD to its password",
        )
    })
}

/// A key without a password is taken as it is: minisign writes no checksum into such a file, and the crate's own reader
/// asks for one. Whether it is the right key is seen by its signature.
fn read_key(text: &str, password: &str) -> anyhow::Result<SecretKey> {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(line).context("it is not base64")?;
    let key = SecretKey::from_bytes(&bytes)?;
    if !key.is_encrypted() {
        return Ok(key);
    }
    let boxed = SecretKeyBox::from_string(&format!("untrusted comment: key\n{line}"))?;
    Ok(boxed.into_secret_key(Some(password.to_owned()))?)
}

/// The line of a public key's text that holds the key.
pub(crate) fn key_line(public_key: &str) -> Result<String> {
    let line = public_key.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    minisign_verify::PublicKey::from_base64(line).map_err(|error| {
        Failure::usage("the file that `signing.public_key` names holds no minisign public key")
            .why(error.to_string())
            .next("commit the file that `minisign -G` wrote as the public key")
    })?;
    Ok(line.to_owned())
}

/// Verifies a signature, and returns its signed comment; or says why it does not hold.
pub(crate) fn verify(
    public_key: &str,
    signed: &[u8],
    signature: &str,
) -> std::result::Result<String, String> {
    let line = key_line(public_key).map_err(|failure| failure.problem)?;
    let key = minisign_verify::PublicKey::from_base64(&line).map_err(|error| error.to_string())?;
    let signature = minisign_verify::Signature::decode(signature).map_err(|error| error.to_string())?;
    key.verify(signed, &signature, false).map_err(|error| error.to_string())?;
    Ok(signature.trusted_comment().to_owned())
}
