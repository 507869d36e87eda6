//! Medians, and figures with their limits. Pure.

use std::fmt;

/// The middle value; of an even number the mean of the two in the middle. 0 of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => 0.0,
        (_, 1) => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// A measured value and what it must be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    least: Option<f64>,
    most: Option<f64>,
}

impl Figure {
    pub(super) fn plain(name: &str, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.to_owned(), value, unit, least: None, most: None }
    }

    pub(super) fn at_most(self, most: f64) -> Figure {
        Figure { most: Some(most), ..self }
    }

    pub(super) fn at_least(self, least: f64) -> Figure {
        Figure { least: Some(least), ..self }
    }

    /// True when the value is within its limits. No value is within no limit: `NaN` holds nothing.
    pub(super) fn holds(&self) -> bool {
        self.most.is_none_or(|most| self.value <= most) && self.least.is_none_or(|least| self.value >= least)
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name, "value": self.value, "unit": self.unit,
            "at_least": self.least, "at_most": self.most, "holds": self.holds(),
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.unit == "ms" && self.value >= 100.0;
        let value = if whole { format!("{:.0}", self.value) } else { format!("{:.3}", self.value) };
        write!(f, "{:<36} {value:>9} {:<3}", self.name, self.unit)?;
        let limits = [("at least", self.least), ("at most", self.most)];
        let limits: Vec<_> =
            limits.iter().filter_map(|(word, limit)| Some(format!("{word} {}", (*limit)?))).collect();
        if !limits.is_empty() {
            write!(f, " {}: {}", limits.join(", "), if self.holds() { "holds" } else { "DOES NOT HOLD" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        for (values, expected) in
            [(&[][..], 0.0), (&[3.0], 3.0), (&[9.0, 1.0, 5.0], 5.0), (&[4.0, 1.0, 2.0, 9.0], 3.0)]
        {
            assert!((median(values) - expected).abs() < 1e-9, "{values:?}");
        }
    }

    #[test]
    fn a_figure_is_held_against_its_limits() {
        let figure = |value: f64| Figure::plain("x", value, "").at_least(1.0).at_most(2.0);
        assert!(figure(1.5).holds() && figure(1.0).holds() && figure(2.0).holds());
        assert!(!figure(0.9).holds() && !figure(2.1).holds() && !figure(f64::NAN).holds());
        assert!(figure(2.1).to_string().ends_with("at least 1, at most 2: DOES NOT HOLD"));
    }
}
