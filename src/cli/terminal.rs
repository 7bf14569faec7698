//! What a person sees and a machine reads: sentences and progress on stderr, the result on stdout.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::Problem;

/// The two ways out of a subcommand.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    json: bool,
}

impl Terminal {
    /// `json` asks for results as JSON.
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Tells what is going on.
    pub(super) fn say(&self, sentence: &str) {
        // A terminal that is gone cannot be told so.
        let _ = writeln!(io::stderr().lock(), "{sentence}");
    }

    /// Writes the result: as JSON when that was asked for, else as text.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub(super) fn result(&self, value: &Value, text: &str) -> Result<(), Problem> {
        let text = if self.json {
            Cow::Owned(value.to_string())
        } else {
            Cow::Borrowed(text)
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")
            .and_then(|()| out.flush())
            .map_err(|error| Problem::new(format!("The result cannot be written: {error}.")))
    }

    /// A bar for work of so many parts, shown on a terminal only.
    pub(super) fn bar(&self, total: u64, doing: &'static str) -> ProgressBar {
        let style = "{prefix} {wide_bar} {human_pos}/{human_len} {eta}";
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_prefix(doing);
        bar.with_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    /// A sign that something goes on whose end nobody can foresee, shown on a terminal only.
    pub(super) fn spinner(&self, doing: &'static str) -> ProgressBar {
        let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(doing);
        spinner.set_style(ProgressStyle::default_spinner());
        spinner.enable_steady_tick(Duration::from_millis(120));
        spinner
    }
}
