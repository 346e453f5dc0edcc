//! Decoding a section: what `bincode` 2 writes in its standard configuration, read with an eye on memory.
//!
//! Each value is charged for the memory that it will take before it takes any, so that a section of very many tiny values is
//! refused early; and a length that is claimed reserves no more than the bytes that are left can warrant.

use core::cell::Cell;
use core::fmt;

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// Why bytes can't be read.
#[derive(Debug)]
pub(super) struct Unreadable(String);

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

/// Reads a value that takes all of the bytes, and takes what it needs from the memory that there is for all sections.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], memory: &Cell<usize>) -> Result<T, Unreadable> {
    let mut reader = Reader { bytes, memory: memory.get() };
    let value = T::deserialize(&mut reader)?;
    memory.set(reader.memory);
    match reader.bytes {
        [] => Ok(value),
        _ => Err(Unreadable::custom("bytes are left over")),
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    /// What values may still take.
    memory: usize,
}

/// A length that is claimed reserves memory for at most one entry in so many bytes that are left: entries that are shorter
/// have to show themselves first.
const BYTES_AN_ENTRY: usize = 8;

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

    /// A number in its shortest form or a longer one.
    fn integer<T: TryFrom<u64>>(&mut self) -> Result<T, Unreadable> {
        let number = match self.byte()? {
            251 => u16::from_le_bytes(self.take()?).into(),
            252 => u32::from_le_bytes(self.take()?).into(),
            253 => u64::from_le_bytes(self.take()?),
            254 | 255 => return Err(Unreadable::custom("no number begins so")),
            small => small.into(),
        };
        T::try_from(number).map_err(|_| Unreadable::custom("a number is too large"))
    }

    fn flag(&mut self) -> Result<bool, Unreadable> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unreadable::custom("neither 0 nor 1")),
        }
    }

    fn string(&mut self) -> Result<&'b [u8], Unreadable> {
        let length = self.integer()?;
        let (string, rest) =
            self.bytes.split_at_checked(length).ok_or_else(|| Unreadable::custom("a text ends early"))?;
        self.bytes = rest;
        self.charge(length)?;
        Ok(string)
    }

    fn text(&mut self) -> Result<&'b str, Unreadable> {
        core::str::from_utf8(self.string()?).map_err(Unreadable::custom)
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Unreadable> {
        self.memory = self
            .memory
            .checked_sub(bytes)
            .ok_or_else(|| Unreadable::custom("its values would take far more memory than its bytes"))?;
        Ok(())
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
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let left = self.integer()?;
        visitor.visit_seq(Entries { reader: self, left, is_list: true })
    }

    fn deserialize_tuple<V: Visitor<'b>>(self, length: usize, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(Entries { reader: self, left: length as u64, is_list: false })
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

    // What no section has.
    fn deserialize_any<V: Visitor<'b>>(self, _visitor: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable::custom("bundles have no values of this type"))
    }

    forward_to_deserialize_any! {
        <V: Visitor<'b>>
        i8 i16 i32 i64 char byte_buf unit unit_struct tuple_struct map identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The entries of a list, or the fields of a record.
struct Entries<'r, 'b> {
    reader: &'r mut Reader<'b>,
    left: u64,
    is_list: bool,
}

impl<'b> SeqAccess<'b> for Entries<'_, 'b> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'b>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        if self.is_list {
            // A record's fields are part of it, which has been charged already.
            self.reader.charge(size_of::<T::Value>())?;
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        let warranted = self.reader.bytes.len() / BYTES_AN_ENTRY;
        Some(usize::try_from(self.left).map_or(warranted, |left| left.min(warranted)))
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
