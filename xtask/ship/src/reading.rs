//! Asks others for numbers: Prometheus, or a JSON document.
//!
//! No data, no number, a page of HTML, a limit that passed and a provider that refuses are each told apart, and none of
//! them is a number. What an answer means is decided in `verdict.rs`, from the answer alone.

mod verdict;
#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use url::form_urlencoded::Serializer;

use nexus_xtask::failure::Result;
use nexus_xtask_deliver::deploy::protocol::{Ask, Question, Range, Reading};

use crate::probe::Client;

/// Asks all questions at once.
pub(crate) async fn read(wanted: &Ask) -> Result<Vec<Reading>> {
    let client = Client::new();
    let limit = Duration::from_millis(wanted.timeout_ms);
    let mut asked = JoinSet::new();
    for (index, question) in wanted.questions.iter().cloned().enumerate() {
        let client = client.clone();
        asked.spawn(async move { (index, answered(&client, &question, limit).await) });
    }
    let mut readings = vec![Reading::NoData; wanted.questions.len()];
    while let Some(answered) = asked.join_next().await {
        let (index, reading) = answered.context("a question panicked")?;
        readings[index] = reading;
    }
    Ok(readings)
}

async fn answered(client: &Client, question: &Question, limit: Duration) -> Reading {
    match question {
        Question::Prometheus { address, query, range } => {
            match client.ask(address, &path_of(query, *range), limit).await {
                Ok(answer) => verdict::prometheus(&answer),
                Err(fault) => verdict::no_answer(&fault),
            }
        }
        Question::HttpJson { address, pointer } => match client.ask(address, "", limit).await {
            Ok(answer) => verdict::document(&answer, pointer),
            Err(fault) => verdict::no_answer(&fault),
        },
    }
}

fn path_of(query: &str, range: Option<Range>) -> String {
    let mut words = Serializer::new(String::new());
    words.append_pair("query", query);
    let verb = match range {
        Some(range) => {
            words.append_pair("start", &range.start_seconds.to_string());
            words.append_pair("end", &range.end_seconds.to_string());
            words.append_pair("step", &range.step_seconds.to_string());
            "query_range"
        }
        None => "query",
    };
    format!("/api/v1/{verb}?{}", words.finish())
}
