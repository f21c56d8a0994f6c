#include "view/check_filter.h"

#include "base/compiler.h"
#include "view/json_walk.h"

#include <stdlib.h>
#include <string.h>

static enum check_truth truth(bool holds)
{
    return holds ? CHECK_TRUE : CHECK_FALSE;
}

enum check_truth check_not(enum check_truth a)
{
    return (enum check_truth)(CHECK_TRUE - a);
}

enum check_truth check_and(enum check_truth a, enum check_truth b)
{
    return MIN(a, b);
}

enum check_truth check_or(enum check_truth a, enum check_truth b)
{
    return MAX(a, b);
}

enum check_truth check_compare_numbers(enum check_op op, double left, double right)
{
    switch (op) {
    case CHECK_EQUAL:
        return truth(left == right);
    case CHECK_NOT_EQUAL:
        return truth(left != right);
    case CHECK_BELOW:
        return truth(left < right);
    case CHECK_AT_MOST:
        return truth(left <= right);
    case CHECK_ABOVE:
        return truth(left > right);
    default:
        return truth(left >= right);
    }
}

/* Texts are interned in one pool: equal ones are the same. */
static enum check_truth compare(enum check_op op, const struct check_value *value, const struct check_value *literal)
{
    if (value->type != literal->type)
        return CHECK_UNKNOWN;
    if (value->type == CHECK_NUMBER)
        return check_compare_numbers(op, value->number, literal->number);
    bool is_equal = value->type == CHECK_TEXT ? value->text == literal->text : value->truth == literal->truth;
    return truth(is_equal == (op == CHECK_EQUAL));
}

static enum check_truth is_in(const struct check_value *value, const struct check_node *node)
{
    enum check_truth result = CHECK_FALSE;
    for (size_t i = 0; i < node->literal_count && result != CHECK_TRUE; i++)
        result = check_or(result, compare(CHECK_EQUAL, value, &node->literals[i]));
    return result;
}

static bool is_element(const struct json_piece *element, const char *text)
{
    if (element->type != JSON_STRING)
        return false;
    if (!memchr(element->text, '\\', element->len))
        return json_piece_is(element, text);
    char *decoded = malloc(element->len);
    bool is =
        decoded && json_piece_decode(element, decoded) == strlen(text) && memcmp(decoded, text, strlen(text)) == 0;
    free(decoded);
    return is;
}

/* A part of a text, or an element of a list. */
static enum check_truth contains(const struct check_value *value, const char *text)
{
    struct json_piece element;
    if (value->type == CHECK_TEXT)
        return truth(strstr(value->text, text));
    if (value->type != CHECK_LIST)
        return CHECK_UNKNOWN;
    struct json_walk walk = json_walk_into(value->text);
    while (json_walk_element(&walk, &element))
        if (is_element(&element, text))
            return CHECK_TRUE;
    return CHECK_FALSE;
}

static enum check_truth comparison_judge(const struct check_value *value, const struct check_node *node)
{
    switch (node->op) {
    case CHECK_EXISTS:
        return truth(value->type != CHECK_MISSING);
    case CHECK_IS_IN:
        return is_in(value, node);
    case CHECK_CONTAINS:
        return contains(value, node->literals->text);
    case CHECK_MATCHES:
        return value->type == CHECK_TEXT ? truth(regexec(node->regex, value->text, 0, NULL, 0) == 0) : CHECK_UNKNOWN;
    default:
        return compare(node->op, value, node->literals);
    }
}

enum check_truth check_filter_judge(const struct check_spans *spans, size_t span, const struct check_node *filter)
{
    enum check_truth left;
    struct check_value value;
    if (!filter)
        return CHECK_TRUE;
    switch (filter->op) {
    case CHECK_NOT:
        return check_not(check_filter_judge(spans, span, filter->left));
    case CHECK_AND:
        left = check_filter_judge(spans, span, filter->left);
        return left == CHECK_FALSE ? left : check_and(left, check_filter_judge(spans, span, filter->right));
    case CHECK_OR:
        left = check_filter_judge(spans, span, filter->left);
        return left == CHECK_TRUE ? left : check_or(left, check_filter_judge(spans, span, filter->right));
    default:
        value = check_spans_value(spans, span, &filter->field);
        return comparison_judge(&value, filter);
    }
}
