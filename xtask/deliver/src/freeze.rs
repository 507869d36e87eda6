//! Times in which nothing is released: every week, or once. Pure; the rules of the time zone are handed in.
//!
//! The clock on the wall decides: `Fri 16:00` is what people there read on it, in summer and in winter.

use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use schemars::JsonSchema;
use serde::Deserialize;

/// The names of the days, Monday first.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A time in which nothing is released.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// When it begins: `Fri 16:00` for every week, or `2026-12-20 00:00` for once
    pub from: String,
    /// When it ends, in the same form
    pub to: String,
    /// The time zone, as `Europe/Berlin`, or as POSIX writes it (`CET-1CEST,M3.5.0,M10.5.0/3`), which needs no database
    pub zone: String,
}

/// From when to when, on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Every week.
    Weekly {
        from: (Weekday, Time),
        to: (Weekday, Time),
    },
    Once {
        from: DateTime,
        to: DateTime,
    },
}

/// The span of a freeze, or what is wrong with it.
pub(crate) fn parse(freeze: &Freeze) -> Result<Span, String> {
    let Freeze { from, to, zone } = freeze;
    if zone.trim().is_empty() {
        return Err("a freeze has no `zone`".to_owned());
    }
    let span = match (weekly(from), weekly(to)) {
        (Some(from), Some(to)) => Span::Weekly { from, to },
        _ => match (from.parse(), to.parse()) {
            (Ok(from), Ok(to)) => Span::Once { from, to },
            _ => return Err(format!("`{from}` to `{to}` is no span of time")),
        },
    };
    let never = match span {
        Span::Weekly { from, to } => from == to,
        Span::Once { from, to } => from >= to,
    };
    if never { Err(format!("nothing is between `{from}` and `{to}`")) } else { Ok(span) }
}

/// The rules of a time zone, by its name in the database of this machine, or as POSIX writes them.
pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    let found = TimeZone::get(name).or_else(|_| TimeZone::posix(name));
    found.map_err(|_| format!("`{name}` is no time zone that is known here"))
}

/// When the freeze that is on at this moment ends; `None` where it is not on.
pub(crate) fn frozen_until(span: Span, zone: &TimeZone, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let here = zone.to_datetime(now);
    let end = match span {
        Span::Once { from, to } => (from <= here && here < to).then_some(to),
        Span::Weekly { from, to } => {
            let moment = of_week((here.weekday(), here.time()));
            let (from, end) = (of_week(from), of_week(to));
            let inside = match from < end {
                true => from <= moment && moment < end,
                false => moment >= from || moment < end,
            };
            let days = i64::from(to.0.since(here.weekday()));
            // The same day of the week is today when the hour is still to come, and in a week otherwise.
            let days = if days == 0 && to.1 <= here.time() { 7 } else { days };
            match inside {
                true => {
                    Some(here.date().checked_add(days.days()).map_err(|e| e.to_string())?.to_datetime(to.1))
                }
                false => None,
            }
        }
    };
    let moment = |end: DateTime| zone.to_timestamp(end).map_err(|error| error.to_string());
    end.map(moment).transpose()
}

fn weekly(text: &str) -> Option<(Weekday, Time)> {
    let (day, time) = text.trim().split_once(' ')?;
    let day = DAYS.iter().position(|name| name.eq_ignore_ascii_case(day))?;
    let day = Weekday::from_monday_zero_offset(i8::try_from(day).ok()?).ok()?;
    Some((day, time.trim().parse().ok()?))
}

/// Where in the week a moment is: it sorts by it.
fn of_week((day, time): (Weekday, Time)) -> (i8, Time) {
    (day.to_monday_zero_offset(), time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    #[track_caller]
    fn check(from: &str, to: &str, zone: &str, now: &str, expected: Option<&str>) {
        let freeze = Freeze { from: from.to_owned(), to: to.to_owned(), zone: zone.to_owned() };
        let zone = TimeZone::posix(zone).unwrap();
        let until = frozen_until(parse(&freeze).unwrap(), &zone, now.parse().unwrap()).unwrap();
        assert_eq!(until.map(|until| until.to_string()).as_deref(), expected);
    }

    #[test]
    fn gates_window_follows_the_clock_on_the_wall() {
        let weekend = |now, expected| check("Fri 16:00", "Mon 08:00", BERLIN, now, expected);
        // 2026-07-03 is a Friday in summer: 16:00 in Berlin is 14:00 in UTC.
        weekend("2026-07-03T13:59:59Z", None);
        weekend("2026-07-03T14:00:00Z", Some("2026-07-06T06:00:00Z"));
        weekend("2026-07-05T12:00:00Z", Some("2026-07-06T06:00:00Z"));
        weekend("2026-07-06T05:59:59Z", Some("2026-07-06T06:00:00Z"));
        weekend("2026-07-06T06:00:00Z", None);
        // In winter it is 15:00.
        weekend("2026-01-02T14:59:59Z", None);
        weekend("2026-01-02T15:00:00Z", Some("2026-01-05T07:00:00Z"));
        // The clocks change within the freeze: it begins in winter and ends in summer.
        weekend("2026-03-27T15:00:00Z", Some("2026-03-30T06:00:00Z"));
    }

    #[test]
    fn gates_window_knows_spans_within_a_week_around_it_and_once() {
        check("Tue 10:00", "Tue 12:00", "UTC0", "2026-07-07T11:00:00Z", Some("2026-07-07T12:00:00Z"));
        check("Tue 10:00", "Tue 12:00", "UTC0", "2026-07-07T12:00:00Z", None);
        // Always but Tuesday from ten to twelve.
        check("Tue 12:00", "Tue 10:00", "UTC0", "2026-07-07T12:00:00Z", Some("2026-07-14T10:00:00Z"));
        check("Tue 12:00", "Tue 10:00", "UTC0", "2026-07-07T11:00:00Z", None);
        let year = ("2026-12-20 00:00", "2027-01-03 00:00");
        check(year.0, year.1, BERLIN, "2026-12-19T23:00:00Z", Some("2027-01-02T23:00:00Z"));
        check(year.0, year.1, BERLIN, "2027-01-02T23:00:00Z", None);
    }

    #[test]
    fn gates_window_refuses_what_is_no_span() {
        for (from, to, zone) in [
            ("Fri 16:00", "2026-12-20 00:00", "UTC"),
            ("Fri 16:00", "Fri 16:00", "UTC"),
            ("Freitag 16:00", "Mon 08:00", "UTC"),
            ("Fri 25:00", "Mon 08:00", "UTC"),
            ("2026-12-20 00:00", "2026-12-19 00:00", "UTC"),
            ("Fri 16:00", "Mon 08:00", " "),
        ] {
            let freeze = Freeze { from: from.to_owned(), to: to.to_owned(), zone: zone.to_owned() };
            assert!(parse(&freeze).is_err(), "{freeze:?}");
        }
    }
}
