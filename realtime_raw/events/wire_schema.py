"""How a wire model becomes a JSON Schema. Imported on demand: most programs need none."""

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

__all__ = ["WireJsonSchema"]


class WireJsonSchema(GenerateJsonSchema):
    """Defaults are ours and not the wire's; a constant is required even where we fill it in."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """No: a title that repeats the field's name says nothing."""
        return False

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """`anyOf` for pydantic's `oneOf`: inward, members are open and a value may fit several."""
        made = super().tagged_union_schema(schema)
        return {"anyOf": made["oneOf"]} if "oneOf" in made else made

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Without the default."""
        return self.generate_inner(schema["schema"])

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        """Whether the wire wants it: what has no default, and every constant."""
        inner = field["schema"]
        if inner["type"] == "default" and inner["schema"]["type"] == "literal":
            return bool(inner["schema"]["expected"] == [inner.get("default")])
        return super().field_is_required(field, total)
