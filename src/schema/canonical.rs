//! Canonical JSON (RFC 8785) written in one go: what the generated code of the events calls, and the ledger for what stands around
//! them.

use super::v1::*;

/// A message with a canonical form: proto3 JSON, its members in order.
pub trait Canonical {
    /// Writes the members, ordered by name.
    fn members(&self, object: &mut Object<'_>);

    /// Writes the whole.
    fn write(&self, text: &mut Vec<u8>)
    where
        Self: Sized,
    {
        Object::write(text, |object| self.members(object));
    }
}

/// A JSON object that is being written. Whoever calls gives the members in the order of their names.
#[derive(Debug)]
pub struct Object<'a> {
    text: &'a mut Vec<u8>,
    begun: bool,
}

impl Object<'_> {
    /// Writes an object.
    pub fn write(text: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        text.push(b'{');
        members(&mut Object { text, begun: false });
        text.push(b'}');
    }

    /// A member; left out when it holds what it holds by default.
    pub fn member<T: Member + ?Sized>(&mut self, name: &str, value: &T) {
        if !value.is_default() {
            self.key(name);
            value.write(self.text);
        }
    }

    /// A member that is there, whatever it holds.
    pub fn value<T: Member + ?Sized>(&mut self, name: &str, value: &T) {
        self.key(name);
        value.write(self.text);
    }

    /// A member that is one of the names of an enum; left out when it is the first.
    pub fn name(&mut self, name: &str, number: i32, named: Named) {
        if number != 0 {
            self.present_name(name, Some(number), named);
        }
    }

    /// A member that is one of the names of an enum, when it is there.
    pub fn present_name(&mut self, name: &str, number: Option<i32>, named: Named) {
        if let Some(number) = number {
            self.key(name);
            write_name(number, named, self.text);
        }
    }

    /// A member that is a list of names of an enum; left out when it is empty.
    pub fn names(&mut self, name: &str, numbers: &[i32], named: Named) {
        if numbers.is_empty() {
            return;
        }
        self.key(name);
        for (index, number) in numbers.iter().enumerate() {
            self.text.push(if index == 0 { b'[' } else { b',' });
            write_name(*number, named, self.text);
        }
        self.text.push(b']');
    }

    /// A member that is an object.
    pub fn object(&mut self, name: &str, members: impl FnOnce(&mut Object<'_>)) {
        self.key(name);
        Object::write(self.text, members);
    }

    /// A member that somebody else writes, as canonical JSON.
    pub fn written(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.key(name);
        write(self.text);
    }

    /// A text, also when it is empty.
    pub fn text(&mut self, name: &str, text: &str) {
        self.value(name, text);
    }

    /// A whole number; as a string where a reader with floating point numbers would lose digits.
    pub fn number(&mut self, name: &str, number: i64) {
        const MOST_EXACT: u64 = (1 << 53) - 1;
        self.key(name);
        if number.unsigned_abs() > MOST_EXACT {
            number.write(self.text);
        } else {
            digits(number, self.text);
        }
    }

    fn key(&mut self, name: &str) {
        if self.begun {
            self.text.push(b',');
        }
        self.begun = true;
        self.text.push(b'"');
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
    }
}

/// The name of a number in an enum.
pub type Named = fn(i32) -> Option<&'static str>;

fn write_name(number: i32, named: Named, text: &mut Vec<u8>) {
    match named(number) {
        Some(name) => name.write(text),
        // proto3 JSON has the number of a value that has no name.
        None => number.write(text),
    }
}

/// A value of a member.
pub trait Member {
    /// Whether proto3 JSON leaves it out.
    fn is_default(&self) -> bool;
    /// Writes the value.
    fn write(&self, text: &mut Vec<u8>);
}

impl Member for str {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, text: &mut Vec<u8>) {
        // Its escapes are those of ECMAScript, which RFC 8785 asks for.
        serde_json::to_writer(text, self).expect("writing a text to memory does not fail");
    }
}

impl Member for String {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, text: &mut Vec<u8>) {
        self.as_str().write(text);
    }
}

impl Member for i32 {
    fn is_default(&self) -> bool {
        *self == 0
    }

    fn write(&self, text: &mut Vec<u8>) {
        digits((*self).into(), text);
    }
}

impl Member for i64 {
    fn is_default(&self) -> bool {
        *self == 0
    }

    /// A string, whatever its size: proto3 JSON.
    fn write(&self, text: &mut Vec<u8>) {
        text.push(b'"');
        digits(*self, text);
        text.push(b'"');
    }
}

impl Member for bool {
    fn is_default(&self) -> bool {
        !*self
    }

    fn write(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl<T: Member> Member for Option<T> {
    fn is_default(&self) -> bool {
        self.is_none()
    }

    fn write(&self, text: &mut Vec<u8>) {
        if let Some(value) = self {
            value.write(text);
        }
    }
}

impl<T: Member> Member for Vec<T> {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, text: &mut Vec<u8>) {
        self.as_slice().write(text);
    }
}

impl<T: Member> Member for [T] {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, text: &mut Vec<u8>) {
        for (index, item) in self.iter().enumerate() {
            text.push(if index == 0 { b'[' } else { b',' });
            item.write(text);
        }
        text.push(b']');
    }
}

impl<T: Canonical> Member for T {
    fn is_default(&self) -> bool {
        false
    }

    fn write(&self, text: &mut Vec<u8>) {
        Canonical::write(self, text);
    }
}

fn digits(number: i64, text: &mut Vec<u8>) {
    serde_json::to_writer(text, &number).expect("writing a number to memory does not fail");
}

include!(concat!(env!("OUT_DIR"), "/canonical.rs"));
