//! Looking through streams for the records that hold a text: what rests on something that another stream says.

use super::Ledger;
use super::entry::Entry;
use super::error::LedgerError;
use super::judge::Judge;

impl<J: Judge> Ledger<J> {
    /// The records of these streams up to a position that hold this text, written as in a record, in order, so many at the most.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn holding(
        &self,
        tenant: &str,
        streams: &[String],
        text: &str,
        up_to: i64,
        at_most: i64,
    ) -> Result<Vec<Entry>, LedgerError> {
        let escaped = serde_json::Value::from(text).to_string();
        let part = escaped.get(1..escaped.len() - 1).unwrap_or_default();
        Ok(
            sqlx::query_as("SELECT * FROM vedtak.records_holding($1, $2, $3, $4, $5)")
                .bind(tenant)
                .bind(streams)
                .bind(part.as_bytes())
                .bind(up_to)
                .bind(at_most)
                .fetch_all(self.store().pool())
                .await?,
        )
    }
}
