//! `vedtak export`: every record of a tenant, byte for byte, one a line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Problem;
use super::client::{Access, Client};
use super::terminal::Terminal;
use crate::ledger::{Envelope, leaf_hash};
use crate::schema::v1::Record;

/// Read every record of a tenant, byte for byte, one a line
///
/// Each line is the exact text that was hashed, so whoever has the file can check it without Vedtak: SHA-256 over a zero byte and the
/// line, without its end, is the leaf hash. On the way every leaf hash and every position is checked; the export stops where
/// something does not fit.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  export VEDTAK_TOKEN=$(vedtak token --role reader)
  vedtak export --output ledger.ndjson
  vedtak export --output ledger.ndjson --resume     later: only what is new, or after a break

What comes next:
  vedtak replay --file ledger.ndjson                fold it without the service")]
pub(super) struct Arguments {
    #[command(flatten)]
    access: Access,
    /// Only the records after this position
    #[arg(long, value_name = "POSITION", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
    /// The file to write; - is stdout
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Go on after the last whole line of the file
    #[arg(long, conflicts_with = "after")]
    resume: bool,
}

/// Runs it.
///
/// # Errors
/// When the file cannot be written, the service does not answer, or a record does not fit its hash or its position.
pub(super) async fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Problem> {
    let to_stdout = arguments.output == Path::new("-");
    let failed = |error: io::Error| Problem::new(format!("{} cannot be written: {error}.", arguments.output.display()));
    let (mut out, after): (Box<dyn Write + Send>, i64) = if to_stdout {
        (Box::new(io::stdout()), arguments.after)
    } else {
        let (file, after) = open(&arguments.output, arguments.resume, arguments.after)?;
        (Box::new(BufWriter::with_capacity(1 << 20, file)), after)
    };
    let client = Client::connect(&arguments.access.url, &arguments.access.token).await?;
    let head = client.head().await?.position;
    let bar = terminal.bar(u64::try_from(head - after).unwrap_or_default(), "Exporting");
    let mut records = client.records(after);
    let mut last = after;
    while let Some(record) = records.next().await? {
        check(&record, last)?;
        last = record.position;
        out.write_all(record.record.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .map_err(failed)?;
        bar.inc(1);
    }
    out.flush().map_err(failed)?;
    bar.finish_and_clear();
    let text = format!("{} records, up to position {last}.", last - after);
    if to_stdout {
        // The records are the result; a line after them would be one too many.
        terminal.say(&text);
        return Ok(());
    }
    terminal.result(
        &json!({"records": last - after, "after": after, "position": last}),
        &text,
    )
}

/// Checks that a record is the next one and what its leaf hash says.
///
/// # Errors
/// When it is not.
pub(super) fn check(record: &Record, last: i64) -> Result<(), Problem> {
    let position = record.position;
    if position != last + 1 {
        return Err(Problem::new(format!(
            "After position {last} comes {position}: the ledger has a gap."
        )));
    }
    if leaf_hash(record.record.as_bytes()).as_slice() != record.leaf_hash.as_ref() {
        return Err(Problem::new(format!(
            "The record at position {position} does not fit its leaf hash."
        )));
    }
    Ok(())
}

/// Opens the file at its end, and says after which position the export goes on.
fn open(path: &Path, resume: bool, after: i64) -> Result<(File, i64), Problem> {
    let failed = |error: io::Error| Problem::new(format!("{} cannot be written: {error}.", path.display()));
    if !resume && fs::metadata(path).is_ok_and(|found| found.len() > 0) {
        return Err(Problem::new(format!(
            "{} is not empty: go on with it by --resume, or choose another file.",
            path.display()
        )));
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed)?;
    if !resume {
        return Ok((file, after));
    }
    let (whole, last) = last_line(&file).map_err(failed)?;
    let last = match last {
        None => 0,
        Some(line) => {
            let envelope = Envelope::parse(&line);
            envelope
                .map_err(|_| Problem::new(format!("The last line of {} is not a record.", path.display())))?
                .position
        }
    };
    // What a break left of a line is written anew.
    file.set_len(whole)
        .and_then(|()| file.seek(SeekFrom::End(0)))
        .map_err(failed)?;
    Ok((file, last))
}

/// The last line that has an end, and where it ends.
fn last_line(file: &File) -> io::Result<(u64, Option<Vec<u8>>)> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let (mut whole, mut last) = (0, None);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Ok((whole, last));
        }
        whole += length as u64;
        last = Some(line.clone());
    }
}
