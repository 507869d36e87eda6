//! Signs the list of checksums with minisign, and verifies such signatures.

use minisign::{KeyPair, SecretKey, SecretKeyBox};

use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::release::plan::{Plan, Release};
use nexus_xtask::release::protocol::stage::{REHEARSAL, Signing};

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

/// The key in the environment: the text of the file, or its second line alone.
fn secret_key(environment: &Environment) -> Result<SecretKey> {
    let text = environment.get("MINISIGN_SECRET_KEY").unwrap_or_default().trim();
    let text = if text.contains('\n') { text.to_owned() } else { format!("untrusted comment: key\n{text}") };
    let boxed = || SecretKeyBox::from_string(&text);
    // A key without a password is tried first: the other way always asks the password's slow function.
    let password = environment.get("MINISIGN_PASSWORD").unwrap_or_default().to_owned();
    boxed()
        .and_then(SecretKeyBox::into_unencrypted_secret_key)
        .or_else(|_| boxed()?.into_secret_key(Some(password)))
        .map_err(|error| {
            // The error is about the key, and never quotes it.
            Failure::refused("MINISIGN_SECRET_KEY holds no key that can be used")
                .why(error.to_string())
                .next("set it to the text of the file that `minisign -G` wrote, and MINISIGN_PASSWORD to its password")
        })
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
