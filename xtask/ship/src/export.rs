//! Posts what a collector is to have. A collector that is down, slow or content with half of it is told of in one sentence;
//! it is no failure of anything else.

use std::time::Duration;

use bytes::Bytes;
use http::Method;

use nexus_xtask::environment::Environment;
use nexus_xtask_deliver::observe::trace::protocol::{Export, Exported, HEADERS};

use crate::http::{Answer, Http};
use crate::trouble::Trouble;

/// How much of a collector's words is repeated.
const SAID_MAX: usize = 200;

pub(crate) async fn export(environment: &Environment, wanted: &Export) -> anyhow::Result<Exported> {
    let http = Http::new()?;
    let secret = environment.get(HEADERS).unwrap_or_default();
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(
        secret
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim())),
    );
    let body = Bytes::from(wanted.body.clone());
    let asked = http.ask(Method::POST, &wanted.address, &headers, body);
    let limit = Duration::from_millis(wanted.limit_ms);
    let problem = match tokio::time::timeout(limit, asked).await {
        Ok(Ok(answer)) => refused(&answer),
        Ok(Err(Trouble::Later { why, .. })) => Some(why),
        Ok(Err(trouble)) => Some(trouble.into_failure().in_one_line()),
        Err(_) => Some(format!("no answer within {} ms", wanted.limit_ms)),
    };
    Ok(Exported { problem })
}

/// A collector that took only a part says so in an answer of success.
fn refused(answer: &Answer) -> Option<String> {
    let said = String::from_utf8_lossy(&answer.body);
    let said: String = said.chars().take(SAID_MAX).collect();
    if !answer.status.is_success() {
        return Some(format!("it answers {}: {said}", answer.status));
    }
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let rejected = &json["partialSuccess"]["rejectedSpans"];
    let is_none = rejected.is_null() || rejected == 0 || rejected == "0";
    (!is_none).then(|| format!("it rejected {rejected} spans: {said}"))
}
