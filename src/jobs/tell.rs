//! Notifies of a change of a job's health, by a program or by NOTIFY: when the job begins to fail, and when it
//! succeeds again.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::job::Notification;
use super::output;
use super::talk::Failure;

/// The longest payload of NOTIFY, in bytes. Source: the manual of NOTIFY, which says shorter than 8000.
const LONGEST: usize = 7900;

/// The longest value of a variable, in bytes. Linux accepts 128 KiB for one variable (MAX_ARG_STRLEN), and for the
/// whole environment no more than that if the stack is small.
const LONGEST_VALUE: usize = 32 << 10;

/// A value for the environment: without NUL, and not so long that no program could be started with it.
fn value(text: &str) -> String {
    output::cut(&text.replace('\0', "\\x00"), LONGEST_VALUE)
}

/// The content of a notification.
#[derive(Debug, Clone)]
pub struct News<'a> {
    pub job: &'a str,
    /// The date that the job ran for.
    pub date: Timestamp,
    /// How it failed; `None` if it succeeded again.
    pub failure: Option<&'a Failure>,
    /// How many runs in a row have failed; if this one succeeded, before it.
    pub error_count: i64,
    /// More about an overdue or stale job.
    pub alarm: Option<Alarm<'a>>,
}

/// What a notification of an overdue or stale job says in addition.
#[derive(Debug, Clone, Copy)]
pub struct Alarm<'a> {
    /// Which of the two it is.
    pub kind: &'static str,
    /// Since when it is due, or when it last succeeded.
    pub since: Timestamp,
    /// What it waits for.
    pub waits_for: Option<&'a str>,
}

impl News<'_> {
    fn state(&self) -> &'static str {
        match (self.alarm, self.failure) {
            (Some(alarm), _) => alarm.kind,
            (None, Some(_)) => "failing",
            (None, None) => "recovered",
        }
    }

    /// Returns the payload of NOTIFY: a JSON object, whose message is cut if it would be too long.
    pub fn payload(&self) -> String {
        let whole = |message: Option<&str>| {
            let mut value = serde_json::json!({
                "job": self.job,
                "state": self.state(),
                "run_date": self.date.to_string(),
                "error_count": self.error_count,
                "type": self.failure.map(|f| f.kind.as_str()),
                "message": message,
            });
            if let Some(alarm) = self.alarm {
                value["since"] = alarm.since.to_string().into();
            }
            value.to_string()
        };
        let mut message = self.failure.map(|f| f.message.as_str());
        let mut payload = whole(message);
        while payload.len() > LONGEST {
            let Some(text) = message.filter(|text| !text.is_empty()) else {
                // A name of thousands of bytes is left out, since half a name would be useless.
                return serde_json::json!({ "state": self.state() }).to_string();
            };
            let half = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            message = Some(&text[..half]);
            payload = whole(message);
        }
        payload
    }

    /// Returns the news as environment variables: a shell does not run the contents of variables as code.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::from([
            ("PGKIT_JOB", self.job.to_owned()),
            ("PGKIT_STATE", self.state().to_owned()),
            ("PGKIT_RUN_DATE", self.date.to_string()),
            ("PGKIT_ERROR_COUNT", self.error_count.to_string()),
        ]);
        if let Some(failure) = self.failure {
            environment.insert("PGKIT_ERROR_TYPE", failure.kind.clone());
            environment.insert("PGKIT_ERROR_VALUE", failure.message.clone());
        }
        if let Some(alarm) = self.alarm {
            environment.insert("PGKIT_SINCE", alarm.since.to_string());
            environment.insert("PGKIT_WAITS_FOR", alarm.waits_for.unwrap_or_default().to_owned());
        }
        environment.into_iter().map(|(name, text)| (name.to_owned(), value(&text))).collect()
    }
}

/// Returns what to notify of this change; `None` if nothing has changed.
pub fn whom<'a>(
    on_failure: Option<&'a Notification>,
    on_recovery: Option<&'a Notification>,
    failed_before: bool,
    fails: bool,
) -> Option<&'a Notification> {
    match (failed_before, fails) {
        (false, true) => on_failure,
        (true, false) => on_recovery,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_is_told() {
        let (failure, recovery) = (Notification::Channel("f".into()), Notification::Channel("r".into()));
        let told = |before, now| whom(Some(&failure), Some(&recovery), before, now);
        assert_eq!(told(false, true), Some(&failure));
        assert_eq!(told(true, false), Some(&recovery));
        assert_eq!((told(true, true), told(false, false)), (None, None));
    }

    #[test]
    fn a_value_fits_into_an_environment() {
        assert_eq!(value("a\0b\n$(c) () { :; };"), "a\\x00b\n$(c) () { :; };");
        let whole = "x".repeat(LONGEST_VALUE);
        assert_eq!(value(&whole), whole);
        for odd in ["", "x"] {
            let cut = value(&format!("{odd}{}", "ü".repeat(1 << 20)));
            assert!(cut.len() <= LONGEST_VALUE && cut.len() > LONGEST_VALUE - 4, "{}", cut.len());
            let bytes = odd.len() + (2 << 20);
            assert!(cut.ends_with(&format!("ü [cut: {bytes} bytes in all]")), "{}", &cut[cut.len() - 40..]);
        }
    }

    #[test]
    fn a_payload_stays_below_what_notify_takes() {
        let failure =
            Failure { kind: "exit status 1".into(), message: "ü\"".repeat(9000), traceback: String::new() };
        let news = News {
            job: "j",
            date: Timestamp::UNIX_EPOCH,
            failure: Some(&failure),
            error_count: 1,
            alarm: None,
        };
        let payload = news.payload();
        assert!(payload.len() <= LONGEST && payload.len() > 2000, "{}", payload.len());
        let value: serde_json::Value = serde_json::from_str(&payload).unwrap();
        assert_eq!((&value["state"], &value["job"]), (&"failing".into(), &"j".into()));
        let long = News { job: &"n".repeat(9000), ..news };
        assert_eq!(long.payload(), "{\"state\":\"failing\"}");
    }
}
