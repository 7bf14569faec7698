//! Whoever follows a ledger over JSON, a line for each record.

use std::collections::VecDeque;

use serde_json::Value;

use crate::laws::doors::Doors;

/// The lines of an answer that goes on.
pub struct Lines {
    answer: reqwest::Response,
    /// What came after the last line that is whole.
    begun: Vec<u8>,
    whole: VecDeque<Value>,
}

impl Lines {
    /// Follows from the beginning.
    pub async fn follow(doors: &Doors) -> Self {
        let answer = doors.get("/v1/ledger/stream?follow=true").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        Self {
            answer,
            begun: Vec::new(),
            whole: VecDeque::new(),
        }
    }

    /// The next line; none after the last.
    pub async fn next(&mut self) -> Option<Value> {
        while self.whole.is_empty() {
            let part = self.answer.chunk().await.unwrap()?;
            self.begun.extend_from_slice(&part);
            while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                self.whole.push_back(serde_json::from_slice(&line).unwrap());
            }
        }
        self.whole.pop_front()
    }

    /// Takes what comes until it has come to a position.
    pub async fn come_to(&mut self, position: i64) {
        loop {
            let line = self.next().await.expect("it goes on");
            assert!(line["error"].is_null(), "{line}");
            let at: i64 = line["position"].as_str().unwrap().parse().unwrap();
            if at >= position {
                return;
            }
        }
    }

    /// The next line tells of a loss, and to where what was sent is still there; it is the last.
    pub async fn ends_with_loss(&mut self, last_common: i64) {
        let line = self.next().await.expect("it ends with a word");
        let error = &line["error"];
        assert_eq!(
            (&error["code"], &error["reason"]),
            (&"DATA_LOSS".into(), &"HISTORY_LOST".into()),
            "{line}"
        );
        let common = &error["metadata"]["last_common_position"];
        assert_eq!(*common, last_common.to_string(), "{line}");
        assert_eq!(self.next().await, None);
    }
}
