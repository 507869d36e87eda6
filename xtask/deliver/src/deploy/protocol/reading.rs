//! Numbers that others measured, and every way in which there is none.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Questions that are asked together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The questions.
    pub questions: Vec<Question>,
    /// The limit of each.
    pub timeout_ms: u64,
}

/// A question for a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "snake_case")]
pub enum Question {
    /// A query of Prometheus. It must lead to one series: a query that leads to several does not say which one counts.
    Prometheus {
        /// The server: `http://127.0.0.1:9090`.
        address: String,
        /// PromQL.
        query: String,
        /// Over a time; none: at this moment.
        range: Option<Range>,
    },
    /// A number in a JSON document.
    HttpJson {
        /// The document.
        address: String,
        /// RFC 6901: `/requests/failed`.
        pointer: String,
    },
}

/// A range of time, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// From.
    pub start_seconds: f64,
    /// To.
    pub end_seconds: f64,
    /// From one value to the next.
    pub step_seconds: f64,
}

/// What a question came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reading", rename_all = "snake_case")]
pub enum Reading {
    /// Finite numbers, the oldest first; at least one.
    Values {
        /// The numbers.
        values: Vec<f64>,
    },
    /// The provider answers, and has nothing to say: no series, no such place, null.
    NoData,
    /// What is there is no number: `NaN`, an infinity, a text.
    NotANumber {
        /// What is there.
        text: String,
    },
    /// The provider did not answer as one.
    Failed {
        /// What went wrong.
        trouble: Trouble,
        /// In words.
        why: String,
    },
}

impl Reading {
    /// The newest number, where there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Reading::Values { values } => values.last().copied(),
            Reading::NoData | Reading::NotANumber { .. } | Reading::Failed { .. } => None,
        }
    }

    /// What a text says: a number, or no number. Nothing but space is no data.
    pub fn of_text(text: &str) -> Reading {
        let text = text.trim();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Reading::Values { values: vec![value] },
            Ok(_) => Reading::NotANumber { text: text.to_owned() },
            Err(_) if text.is_empty() => Reading::NoData,
            Err(_) => Reading::NotANumber { text: text.chars().take(100).collect() },
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reading::Values { values } => {
                let words: Vec<String> = values.iter().map(f64::to_string).collect();
                write!(f, "{}", words.join(" "))
            }
            Reading::NoData => write!(f, "no data"),
            Reading::NotANumber { text } => write!(f, "`{text}` is no number"),
            Reading::Failed { trouble, why } => write!(f, "{}: {why}", trouble.word()),
        }
    }
}

/// What went wrong with a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No whole answer in time.
    Timeout,
    /// No connection, or one that broke.
    Unreachable,
    /// It refuses: a status that is not 2xx, an exit that is not 0, a query that it does not understand.
    Refused,
    /// A page of HTML.
    Html,
    /// An answer of another shape than the provider's.
    Shape,
    /// More than one series.
    Ambiguous,
}

impl Trouble {
    /// Its word, for counting.
    pub fn word(self) -> &'static str {
        match self {
            Trouble::Timeout => "timeout",
            Trouble::Unreachable => "unreachable",
            Trouble::Refused => "refused",
            Trouble::Html => "html",
            Trouble::Shape => "shape",
            Trouble::Ambiguous => "ambiguous",
        }
    }
}
