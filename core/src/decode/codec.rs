//! Decodes a section: `bincode` 2 in its standard configuration, with a memory budget.
//!
//! Each value pays for its memory before it is allocated: text for its bytes, a list for all of its entries
//! before the first is read, a box for its content. So a section of very many tiny values is refused early,
//! and so is a length that is only claimed.

use core::fmt;

use serde::de::value::U32Deserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::decode::bounded::BOXED;
use crate::decode::memory::{Memory, TooMuch};

/// Why bytes can't be decoded.
#[derive(Debug)]
pub(crate) struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Unreadable {}

impl serde::de::Error for Unreadable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<TooMuch> for Unreadable {
    fn from(too_much: TooMuch) -> Self {
        Self(too_much.into())
    }
}

/// Decodes a value that takes all of the bytes, paying for its memory out of the file's budget.
pub(crate) fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8], memory: &'b Memory) -> Result<T, Unreadable> {
    let mut reader = Reader { bytes, memory };
    let value = T::deserialize(&mut reader)?;
    match reader.bytes {
        [] => Ok(value),
        _ => Err(Unreadable::custom("bytes are left over at its end")),
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    memory: &'b Memory,
}

impl<'b> Reader<'b> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let (head, rest) =
            self.bytes.split_first_chunk().ok_or_else(|| Unreadable::custom("it ends early"))?;
        self.bytes = rest;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        self.take().map(|[byte]| byte)
    }

    /// An integer, in its shortest encoding or a longer one.
    fn integer<T: TryFrom<u64>>(&mut self) -> Result<T, Unreadable> {
        let number = match self.byte()? {
            251 => u16::from_le_bytes(self.take()?).into(),
            252 => u32::from_le_bytes(self.take()?).into(),
            253 => u64::from_le_bytes(self.take()?),
            254 | 255 => return Err(Unreadable::custom("no number begins with this byte")),
            small => small.into(),
        };
        T::try_from(number).map_err(|_| Unreadable::custom("a number is too large"))
    }

    /// A signed integer in zigzag encoding: 0, −1, 1, −2, … are 0, 1, 2, 3, ….
    fn signed(&mut self) -> Result<i64, Unreadable> {
        let number: u64 = self.integer()?;
        let half = (number >> 1) as i64;
        Ok(if number & 1 == 0 { half } else { !half })
    }

    fn flag(&mut self) -> Result<bool, Unreadable> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unreadable::custom("expected 0 or 1")),
        }
    }

    fn string(&mut self) -> Result<&'b [u8], Unreadable> {
        let length = self.integer()?;
        let (string, rest) =
            self.bytes.split_at_checked(length).ok_or_else(|| Unreadable::custom("a string ends early"))?;
        self.bytes = rest;
        Ok(string)
    }

    /// A text that will be copied.
    fn text(&mut self) -> Result<&'b str, Unreadable> {
        let string = self.string()?;
        self.memory.take::<u8>(string.len())?;
        core::str::from_utf8(string).map_err(Unreadable::custom)
    }
}

impl<'b> Deserializer<'b> for &mut Reader<'b> {
    type Error = Unreadable;

    fn deserialize_bool<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_bool(self.flag()?)
    }

    fn deserialize_u8<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u8(self.byte()?)
    }

    fn deserialize_u16<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u16(self.integer()?)
    }

    fn deserialize_u32<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u32(self.integer()?)
    }

    fn deserialize_u64<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u64(self.integer()?)
    }

    fn deserialize_i32<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let number = self.signed()?.try_into().map_err(|_| Unreadable::custom("a number is too large"))?;
        visitor.visit_i32(number)
    }

    fn deserialize_i64<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_i64(self.signed()?)
    }

    fn deserialize_f32<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_f32(f32::from_le_bytes(self.take()?))
    }

    fn deserialize_f64<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_f64(f64::from_le_bytes(self.take()?))
    }

    fn deserialize_str<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_borrowed_bytes(self.string()?)
    }

    fn deserialize_option<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.flag()? {
            false => visitor.visit_none(),
            true => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'b>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if name == BOXED {
            self.memory.take::<V::Value>(1)?;
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let left = self.integer()?;
        // An entry takes at least one byte.
        if left > self.bytes.len() {
            return Err(Unreadable::custom("a list ends early"));
        }
        visitor.visit_seq(Entries { reader: self, left, is_paid: false })
    }

    fn deserialize_tuple<V: Visitor<'b>>(self, length: usize, visitor: V) -> Result<V::Value, Unreadable> {
        // The fields are part of the enclosing value, which has been paid for.
        visitor.visit_seq(Entries { reader: self, left: length, is_paid: true })
    }

    fn deserialize_struct<V: Visitor<'b>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'b>>(
        self,
        _name: &'static str,
        _alternatives: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_enum(self)
    }

    // Types that no section contains.
    fn deserialize_any<V: Visitor<'b>>(self, _visitor: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable::custom("bundles have no values of this type"))
    }

    forward_to_deserialize_any! {
        <V: Visitor<'b>>
        i8 i16 char byte_buf unit unit_struct tuple_struct map identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The entries of a list, or the fields of a record.
struct Entries<'r, 'b> {
    reader: &'r mut Reader<'b>,
    left: usize,
    is_paid: bool,
}

impl<'b> SeqAccess<'b> for Entries<'_, 'b> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'b>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        if self.left == 0 {
            return Ok(None);
        }
        if !self.is_paid {
            self.reader.memory.take::<T::Value>(self.left)?;
            self.is_paid = true;
        }
        self.left -= 1;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    /// The number of entries left, once they have been paid for.
    fn size_hint(&self) -> Option<usize> {
        self.is_paid.then_some(self.left)
    }
}

impl<'b> EnumAccess<'b> for &mut Reader<'b> {
    type Error = Unreadable;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'b>>(self, seed: V) -> Result<(V::Value, Self), Unreadable> {
        let number: U32Deserializer<Unreadable> = self.integer::<u32>()?.into_deserializer();
        Ok((seed.deserialize(number)?, self))
    }
}

impl<'b> VariantAccess<'b> for &mut Reader<'b> {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'b>>(self, seed: T) -> Result<T::Value, Unreadable> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'b>>(self, length: usize, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'b>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_tuple(fields.len(), visitor)
    }
}
